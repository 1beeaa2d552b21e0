"""The rules that conftest.py lays on every test."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text(encoding="utf-8")

SKIPPING = """
    import pytest

    def test_that_misses_its_component():
        pytest.skip("no such server here")

    @pytest.mark.xfail(reason="known", strict=True)
    def test_that_is_known_to_fail():
        raise AssertionError
"""


@pytest.fixture
def house(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project under the same conftest, run in a process of its own."""
    pytester.makeconftest(CONFTEST)
    return pytester


def test_a_skip_fails_where_every_component_is_required(
    house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.makepyfile(SKIPPING)
    monkeypatch.setenv("WEFT_TEST_REQUIRE_ALL", "1")

    result = house.runpytest_subprocess()

    result.assert_outcomes(failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["*yet this skips: *no such server here*"])


def test_a_skip_is_a_skip_everywhere_else(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    house.makepyfile(SKIPPING)
    monkeypatch.delenv("WEFT_TEST_REQUIRE_ALL", raising=False)

    result = house.runpytest_subprocess()

    result.assert_outcomes(skipped=1, xfailed=1)


def test_a_module_that_skips_itself_fails_where_every_component_is_required(
    house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.makepyfile("import pytest\npytest.importorskip('a_package_that_nobody_has')")
    monkeypatch.setenv("WEFT_TEST_REQUIRE_ALL", "1")

    result = house.runpytest_subprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*yet this skips: *a_package_that_nobody_has*"])


@pytest.mark.parametrize("missing", ["pytest.skip('no such server here')", "pytest.importorskip('no_such_driver')"])
def test_a_fixture_of_the_session_that_skips_fails_where_every_component_is_required(
    house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    house.makepyfile(f"""
        import pytest

        @pytest.fixture(scope="session")
        def server():
            {missing}

        def test_over_the_server(server):
            pass

        def test_over_the_same_server(server):
            pass
    """)
    monkeypatch.setenv("WEFT_TEST_REQUIRE_ALL", "1")

    result = house.runpytest_subprocess()

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*yet this skips: *no[ _]such[ _]*"])


def test_the_absence_of_the_shared_folder_never_fails(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    house.makepyfile("""
        import pytest

        @pytest.mark.shared
        def test_over_the_standards(shared):
            assert shared.is_dir()

        def test_of_ours():
            pass
    """)
    monkeypatch.setenv("WEFT_TEST_REQUIRE_ALL", "1")
    monkeypatch.setenv("WEFT_SHARED", str(house.path / "absent"))

    result = house.runpytest_subprocess()

    result.assert_outcomes(passed=1, deselected=1)


def test_settings_of_the_machine_do_not_reach_a_test(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    house.makepyfile("""
        import os

        def test_environment():
            assert "WEFT_ENGINE__THREADS" not in os.environ
    """)
    monkeypatch.setenv("WEFT_ENGINE__THREADS", "7")

    result = house.runpytest_subprocess()

    result.assert_outcomes(passed=1)
