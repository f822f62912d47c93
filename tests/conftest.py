"""Fixtures that every suite shares."""

pytest_plugins = ["tests.support.fixtures", "tests.support.server_fixtures"]
