using Microsoft.ML;

namespace MLNetLosses.Interop;

/// <summary>How a component is named and versioned inside a saved ML.NET model.</summary>
/// <param name="Signature">Eight characters that mark the component's block in the file.</param>
/// <param name="LoaderName">The name under which the loader is registered, at most 24 characters.</param>
/// <param name="DisplayName">The name that ML.NET shows to people.</param>
/// <param name="Version">The version written by this build.</param>
/// <param name="OldestReader">The oldest version of a reader that understands what this build writes.</param>
/// <param name="OldestReadable">The oldest written version that this build understands.</param>
internal sealed record ModelFormat(
    string Signature,
    string LoaderName,
    string DisplayName,
    uint Version = 0x00010001,
    uint OldestReader = 0x00010001,
    uint OldestReadable = 0x00010001
)
{
    internal VersionInfo ToVersionInfo(Type component)
    {
        // A generic component is registered by the assembly that names what it is made of.
        var registered = component.IsGenericType ? component.GetGenericArguments()[0] : component;
        return new(Signature, Version, OldestReader, OldestReadable, registered.Assembly.FullName, LoaderName);
    }
}
