using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using TorchSharp;

namespace MLNetLosses.Interop;

/// <summary>What is known when TorchSharp's native library does not load.</summary>
internal sealed partial record NativeLibraryFacts
{
    /// <summary>The version of TorchSharp that the program uses, such as 0.107.0.</summary>
    public required string TorchSharp { get; init; }

    /// <summary>The system, such as linux-x64.</summary>
    public required string Platform { get; init; }

    /// <summary>The folders that were looked into.</summary>
    public required IReadOnlyList<string> Folders { get; init; }

    /// <summary>The file of TorchSharp's own library; null: it is in none of the folders.</summary>
    public required string? Library { get; init; }

    /// <summary>The file of libtorch; null: it is in none of the folders.</summary>
    public required string? Torch { get; init; }

    /// <summary>What the system's loader says of <see cref="Library"/>, or TorchSharp where the loader has no objection.</summary>
    public required string Error { get; init; }

    /// <summary>The newest version of a kind (GLIBCXX, GLIBC, CXXABI) that a library file has; null where it cannot be told.</summary>
    public required Func<string, string, string?> NewestVersion { get; init; }

    private static string LibraryName =>
        OperatingSystem.IsWindows() ? "LibTorchSharp.dll"
        : OperatingSystem.IsMacOS() ? "libLibTorchSharp.dylib"
        : "libLibTorchSharp.so";

    private static string TorchName =>
        OperatingSystem.IsWindows() ? "torch_cpu.dll"
        : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib"
        : "libtorch_cpu.so";

    /// <summary>Looks around after a failure.</summary>
    public static NativeLibraryFacts Gather(Exception failure)
    {
        string[] folders =
        [
            AppContext.BaseDirectory,
            Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native"),
            .. (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(
                Path.PathSeparator,
                StringSplitOptions.RemoveEmptyEntries
            ),
        ];
        folders = [.. folders.Select(Path.TrimEndingDirectorySeparator).Distinct()];
        var library = FileIn(folders, LibraryName);
        return new()
        {
            // Only the type's name: its initializer has failed.
            TorchSharp = typeof(torch).Assembly.GetName().Version?.ToString(3) ?? "",
            Platform = RuntimeInformation.RuntimeIdentifier,
            Folders = folders,
            Library = library,
            Torch = FileIn(folders, TorchName),
            Error = (library is null ? null : LoaderError(library)) ?? failure.GetBaseException().Message,
            NewestVersion = NewestVersionIn,
        };
    }

    /// <summary>Which library fails, the version needed and found, and the cure.</summary>
    public string Explain()
    {
        var looked = $"Looked in {string.Join(", ", Folders.Select(folder => $"'{folder}'"))}.";
        if (Library is null)
            return $"TorchSharp {TorchSharp} lacks its native library {LibraryName} for {Platform}. Build for a system that TorchSharp has one "
                + $"for (win-x64, linux-x64, osx-arm64), and publish with its native files. {looked}";
        if (Torch is null)
            return $"{TorchName}, which TorchSharp {TorchSharp} computes with, is not here. Reference the package TorchSharp-cpu {TorchSharp} "
                + $"(or, for NVIDIA GPUs, TorchSharp-cuda-linux or TorchSharp-cuda-windows of the same version) in the project that runs. {looked}";
        if (MissingVersion().Match(Error) is { Success: true } version)
            return Outdated(version.Groups["file"].Value, version.Groups["kind"].Value, version.Groups["version"].Value);
        if (MissingFile().Match(Error) is { Success: true } file)
            return $"'{Library}' needs the system's library {file.Groups["name"].Value}, which is not installed. "
                + $"Install the package that has it (libgomp.so.1 is in libgomp1 on Debian and Ubuntu). The loader says: {Error}";
        return $"'{Library}' of TorchSharp {TorchSharp} does not load on {Platform}: {Error} "
            + $"The packages TorchSharp and TorchSharp-cpu must have the same version, {TorchSharp}; libtorch is '{Torch}'.";
    }

    private string Outdated(string file, string kind, string needed)
    {
        var name = Path.GetFileName(file);
        var found = NewestVersion(file, kind) is { } newest ? $"the newest in '{file}' is {newest}" : $"'{file}' does not have it";
        var cure =
            kind == "GLIBC"
                ? "Use a newer system: Debian 12, Ubuntu 22.04 or later."
                : "Build or publish on this system, where MLNetLosses mends its copy of the library (property MLNetLossesMendNativeLibrary), "
                    + "or use a system with the libstdc++ of GCC 13 or later: Debian 13, Ubuntu 24.04.";
        return $"'{Library}' needs {needed} of {name}, but {found}. {cure}";
    }

    private static string? FileIn(IEnumerable<string> folders, string name) =>
        folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    private static string? LoaderError(string library)
    {
        try
        {
            NativeLibrary.Load(library);
            return null;
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            return error.Message;
        }
    }

    /// <summary>The names of versions are plain text in a library.</summary>
    internal static string? NewestVersionIn(string file, string kind)
    {
        try
        {
            var text = Encoding.Latin1.GetString(File.ReadAllBytes(file));
            return
                Regex.Matches(text, $@"\0{kind}_(\d+(?:\.\d+)+)(?=\0)").Select(match => Version.Parse(match.Groups[1].Value)).Max()
                    is { } newest
                ? $"{kind}_{newest}"
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"(?<file>\S+): version `(?<version>(?<kind>GLIBCXX|GLIBC|CXXABI)_[\d.]+)' not found")]
    private static partial Regex MissingVersion();

    [GeneratedRegex(@"(?<name>[^\s:]+): cannot open shared object file")]
    private static partial Regex MissingFile();
}
