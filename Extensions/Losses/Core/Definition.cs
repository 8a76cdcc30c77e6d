using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace MLNetLosses.Losses;

/// <summary>
/// The base of everything that can be named in a configuration: losses, distances, miners, schedules. An immutable record of options with
/// value equality, <c>with</c>, a JSON form and a one-line text form. It holds no tensor and no state.
/// </summary>
public abstract record Definition
{
    /// <summary>The name in JSON and text: the type's name without its kind's suffix (<c>FocalLoss</c> is <c>Focal</c>).</summary>
    public virtual string Name => DefinitionSchema.Of(GetType()).Name;

    /// <summary>The one-line text form, such as <c>Focal(gamma: 3)</c>: the name and the options that differ from their defaults.</summary>
    public sealed override string ToString() => DefinitionText.Format(this);

    /// <summary>The JSON form: a discriminator (for losses <c>"loss": "Focal"</c>) and every option in camelCase.</summary>
    /// <param name="indented">True for several lines.</param>
    public string ToJson(bool indented = false) => DefinitionJson.Serialize(this, indented);

    internal JsonNode ToJsonNode() => DefinitionJson.Write(this);

    /// <summary>Checks what no single option can check: combinations of options. Called when the definition is read or built.</summary>
    /// <exception cref="ArgumentException">The options contradict each other; the message says which and what to do.</exception>
    protected internal virtual void Validate() { }

    /// <summary>Checks an option against its <see cref="IntervalAttribute"/>; for use in <c>init</c>: <c>init => field = Valid(value);</c></summary>
    /// <typeparam name="T">A number, a nullable number, an enumeration or a list of numbers.</typeparam>
    /// <param name="value">The value given.</param>
    /// <param name="option">The option's name; filled in by the compiler.</param>
    /// <returns>The value.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside the interval.</exception>
    protected T Valid<T>(T value, [CallerMemberName] string option = "")
    {
        DefinitionSchema.Of(GetType()).Check(option, value);
        return value;
    }
}

/// <summary>Says how a kind of definition is named in JSON: the discriminator's key and the suffix that its types' names carry.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = true)]
public sealed class DefinitionKindAttribute : Attribute
{
    /// <summary>Names the kind.</summary>
    /// <param name="key">The discriminator's key in JSON, such as <c>loss</c>.</param>
    /// <param name="suffix">What types' names end with and JSON leaves out, such as <c>Loss</c>.</param>
    public DefinitionKindAttribute(string key, string suffix = "") => (Key, Suffix) = (key, suffix);

    /// <summary>The discriminator's key in JSON.</summary>
    public string Key { get; }

    /// <summary>The suffix of types' names that JSON and text leave out.</summary>
    public string Suffix { get; }
}

/// <summary>A text form of a definition that needs required options, for documentation and for tests that go through all definitions.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class DefinitionExampleAttribute : Attribute
{
    /// <summary>Gives the example.</summary>
    /// <param name="text">The text form, such as <c>"Super(tau: 1)"</c>.</param>
    public DefinitionExampleAttribute(string text) => Text = text;

    /// <summary>The text form.</summary>
    public string Text { get; }
}
