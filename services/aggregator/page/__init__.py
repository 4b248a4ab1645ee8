"""The page at `/`: rendered here with its numbers in the HTML, so that it works without JavaScript.

`form` reads the selectors -> `view` asks the reports -> `charts` draws -> `render` fills page.html.
"""

from services.aggregator.page.page import page

__all__ = ["page"]
