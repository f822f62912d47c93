"""Fixtures that every suite shares."""

pytest_plugins = ["tests.support.fixtures"]
