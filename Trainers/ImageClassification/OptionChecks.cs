using MLNetLosses.Losses;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>Finds everything that is wrong with a set of options, to say it at once.</summary>
internal sealed class OptionChecks(string trainer)
{
    private readonly List<string> problems = [];

    public OptionChecks Require(bool holds, string otherwise)
    {
        if (!holds)
            problems.Add(otherwise);
        return this;
    }

    public OptionChecks Name(string option, string? value) =>
        Require(!string.IsNullOrWhiteSpace(value), $"{option} must name a column; it is {(value is null ? "null" : "empty")}.");

    public OptionChecks OptionalName(string option, string? value) =>
        Require(value is null || !string.IsNullOrWhiteSpace(value), $"{option} must name a column or be null; it is empty.");

    public OptionChecks Defined<T>(string option, T value)
        where T : struct, Enum =>
        Require(Enum.IsDefined(value), $"{option} must be one of {string.Join(", ", Enum.GetNames<T>())}; it is {value}.");

    public OptionChecks AtLeast(string option, long? value, long least) =>
        Require(value is null || value >= least, $"{option} must be {least} or more; it is {value}.");

    /// <summary>Refuses NaN too.</summary>
    public OptionChecks Number(string option, double? value, double low, double high, bool includesLow = true, bool includesHigh = true) =>
        Require(
            value is not { } v || (v > low || (includesLow && v == low)) && (v < high || (includesHigh && v == high)) && double.IsFinite(v),
            FormattableString.Invariant(
                $"{option} must be a number {(includesLow ? $"of at least {low}" : $"above {low}")}{(double.IsInfinity(high) ? "" : $" and {(includesHigh ? $"at most {high}" : $"below {high}")}")}; it is {value}."
            )
        );

    public OptionChecks Given(string option, object? value) => Require(value is not null, $"{option} must not be null.");

    /// <summary>Checks the options inside a definition.</summary>
    public OptionChecks Valid(string option, Definition? definition) => Try(option, () => definition?.Validate());

    public OptionChecks Try(string option, Action check)
    {
        try
        {
            check();
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            problems.Add($"{option}: {e.Message}");
        }
        return this;
    }

    /// <exception cref="ArgumentException">Something was wrong; the message lists all of it.</exception>
    public void ThrowIfAny(string parameter)
    {
        if (problems.Count == 1)
            throw new ArgumentException($"{trainer}: {problems[0]}", parameter);
        if (problems.Count > 1)
            throw new ArgumentException(
                $"{trainer}: {problems.Count} options cannot be used.\n- {string.Join("\n- ", problems)}",
                parameter
            );
    }
}
