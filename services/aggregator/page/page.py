"""Answer the page: whatever goes wrong is said on it, with the status it deserves."""

from collections.abc import Iterable

from aiohttp import web

from safar.clock import system_clock
from safar.errors import SafarError
from services.aggregator.page.form import BREAKDOWNS, Form, read_form
from services.aggregator.page.render import render
from services.aggregator.page.view import Ask, Detail, Overview, detail, overview


async def page(ask: Ask, query: Iterable[tuple[str, str]], failing: str, lag: int) -> web.Response:
    """The page for the selectors in `query`; `failing` and `lag` tell how the consumer does."""
    form = Form()
    problem, status = "", 200
    seen: Overview | None = None
    found: Detail | None = None
    try:
        form = read_form(query)
        seen = await overview(ask, form.tz)
        if seen.sources:
            source = form.source or seen.sources[0]
            form = form.with_choices(source, seen.currency(source, form.currency.upper()))
            found = await detail(ask, form, seen.totals)
    except SafarError as error:
        problem, status = str(error), error.status
    html, headers = render(
        form=form,
        breakdowns=BREAKDOWNS,
        seen=seen,
        found=found,
        problem=problem,
        failing=failing,
        lag=lag,
        now=system_clock(),
    )
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8", headers=headers)
