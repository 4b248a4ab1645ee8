"""Who may write at the SQL port: whoever knows the setting, or may read the data directory."""

import stat

from safar.config import load_config
from safar.write_token import known_write_token, made_write_token


def config(tmp_path, **environ):
    return load_config({"SAFAR_DATA_DIR": str(tmp_path / "data"), **environ})


def test_the_token_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    token = made_write_token(config(tmp_path))
    assert len(token) >= 32
    assert made_write_token(config(tmp_path)) == known_write_token(config(tmp_path)) == token
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_token_that_is_set_is_used_and_nothing_is_made(tmp_path):
    asked = config(tmp_path, SAFAR_WRITE_TOKEN="secret")
    assert made_write_token(asked) == known_write_token(asked) == "secret"
    assert not (tmp_path / "data").exists()


def test_without_either_there_is_none(tmp_path):
    assert known_write_token(config(tmp_path)) == ""
