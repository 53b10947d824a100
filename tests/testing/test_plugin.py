"""The pytest plugin gives each test a fresh, active context."""

import pytest

pytest_plugins = ["pytester"]
PLUGIN = ("-p", "dug.testing._plugin")


@pytest.fixture
def run_tests(pytester, request):
    """Runs the text of a test module with the plugin, and returns the result."""
    loaded = request.config.pluginmanager.has_plugin("dug")

    def run(text):
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess(*(() if loaded else PLUGIN), "-p", "no:cacheprovider")

    return run


def test_the_fixture_is_the_context_in_force(run_tests):
    """A test that asks for `dug_context` may call memoised functions, and tweak."""
    result = run_tests(
        """
        import dug

        @dug.memoize
        def double(x):
            return 2 * x

        def test_call(dug_context):
            assert dug.current_context() is dug_context
            assert double(1) == 2
            dug_context.tweak(double.node(1), 5)
            assert double(1) == 5
        """
    )

    result.assert_outcomes(passed=1)


def test_each_test_has_a_context_of_its_own(run_tests):
    """Neither tweaks nor results pass from one test to the next."""
    result = run_tests(
        """
        import pytest
        import dug

        @dug.memoize
        def double(x):
            return 2 * x

        @pytest.mark.parametrize("turn", [1, 2])
        def test_call(dug_context, turn):
            assert len(dug_context.cache) == 0
            assert double(1) == 2
            dug_context.tweak(double.node(1), 5)
        """
    )

    result.assert_outcomes(passed=2)


def test_the_context_is_left_after_a_failing_test(run_tests):
    """A test that fails leaves no context in force for the next one."""
    result = run_tests(
        """
        import pytest
        import dug

        @dug.memoize
        def fails():
            raise ValueError

        def test_one(dug_context):
            fails()

        def test_two():
            with pytest.raises(dug.NoContextError):
                fails()
        """
    )

    result.assert_outcomes(passed=1, failed=1)


def test_a_failed_assertion_shows_its_message(run_tests):
    """The report of a failing `assert_pure` ends at the user's line and shows the message."""
    result = run_tests(
        """
        import itertools
        import dug
        from dug.testing import assert_pure

        counter = itertools.count()

        @dug.memoize
        def numbered():
            return next(counter)

        def test_pure():
            assert_pure(numbered.node())
        """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*numbered() is not pure: two runs of it from scratch differ*"])
    result.stdout.no_fnmatch_line("*def assert_pure*")


def test_the_fixture_is_documented(pytester, request):
    """`pytest --fixtures` describes the fixture."""
    loaded = request.config.pluginmanager.has_plugin("dug")
    result = pytester.runpytest_inprocess("--fixtures", *(() if loaded else PLUGIN), "-p", "no:cacheprovider")

    result.stdout.fnmatch_lines(["dug_context*", "*fresh, active dug.Context*"])
