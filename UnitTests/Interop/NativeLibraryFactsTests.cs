using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Interop;

namespace MLNetLosses.UnitTests.Interop;

/// <summary>What is said where TorchSharp's native library does not load.</summary>
[TestClass]
public class NativeLibraryFactsTests
{
    private static readonly NativeLibraryFacts Facts = new()
    {
        TorchSharp = "0.107.0",
        Platform = "linux-x64",
        Folders = ["/app"],
        Library = "/app/libLibTorchSharp.so",
        Torch = "/app/libtorch_cpu.so",
        Error = "",
        NewestVersion = (_, kind) => kind + "_3.4.30",
    };

    [TestMethod]
    public void AnOldLibraryOfTheSystemIsNamedWithTheVersionNeededAndFound()
    {
        var message = (
            Facts with
            {
                Error =
                    "Unable to load shared library: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /app/libLibTorchSharp.so)",
            }
        ).Explain();
        StringAssert.Contains(message, "'/app/libLibTorchSharp.so' needs GLIBCXX_3.4.32 of libstdc++.so.6");
        StringAssert.Contains(message, "the newest in '/lib/x86_64-linux-gnu/libstdc++.so.6' is GLIBCXX_3.4.30");
        StringAssert.Contains(message, "MLNetLossesMendNativeLibrary");
        var system = (Facts with { Error = "/lib/libc.so.6: version `GLIBC_2.34' not found", NewestVersion = (_, _) => null }).Explain();
        StringAssert.Contains(system, "needs GLIBC_2.34 of libc.so.6, but '/lib/libc.so.6' does not have it");
        StringAssert.Contains(system, "newer system");
    }

    [TestMethod]
    public void AMissingPackageIsNamedInItsVersion()
    {
        var message = (Facts with { Torch = null }).Explain();
        StringAssert.Contains(message, "Reference the package TorchSharp-cpu 0.107.0");
        StringAssert.Contains(message, "'/app'");
        StringAssert.Contains((Facts with { Library = null, Platform = "linux-riscv64" }).Explain(), "linux-riscv64");
    }

    [TestMethod]
    public void AMissingLibraryOfTheSystemIsNamed() =>
        StringAssert.Contains(
            (Facts with { Error = "libgomp.so.1: cannot open shared object file: No such file or directory" }).Explain(),
            "needs the system's library libgomp.so.1, which is not installed"
        );

    [TestMethod]
    public void AnythingElseIsSaidInTheLoadersWords()
    {
        var message = (Facts with { Error = "undefined symbol: _ZN2at" }).Explain();
        StringAssert.Contains(message, "undefined symbol: _ZN2at");
        StringAssert.Contains(message, "same version, 0.107.0");
    }

    [TestMethod]
    public void TheNewestVersionIsReadFromTheLibrary()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("library").FullName, "libstdc++.so.6");
        File.WriteAllText(path, "\0GLIBCXX_3.4\0GLIBCXX_3.4.9\0GLIBCXX_3.4.30\0GLIBCXX_FORCE\0CXXABI_1.3.13\0");
        Assert.AreEqual("GLIBCXX_3.4.30", NativeLibraryFacts.NewestVersionIn(path, "GLIBCXX"));
        Assert.AreEqual("CXXABI_1.3.13", NativeLibraryFacts.NewestVersionIn(path, "CXXABI"));
        Assert.IsNull(NativeLibraryFacts.NewestVersionIn(path, "GLIBC"));
        Assert.IsNull(NativeLibraryFacts.NewestVersionIn(path + ".1", "GLIBC"));
    }

    [TestMethod]
    public void WhereItLoadsNothingIsThrown() => NativeLibraryCheck.Ensure();
}
