using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace MLNetLosses.UnitTests;

/// <summary>Data that are too large for the repository: in the folder that MLNETLOSSES_DATA names, else in ../shared/data beside the repository.</summary>
internal static class TestData
{
    /// <summary>A folder of the data; the test is skipped where it is not there.</summary>
    public static string Folder(string name)
    {
        var root = Environment.GetEnvironmentVariable("MLNETLOSSES_DATA");
        for (var above = new DirectoryInfo(AppContext.BaseDirectory); root is null && above is not null; above = above.Parent)
            if (File.Exists(Path.Combine(above.FullName, "MLNetLosses.sln")))
                root = Path.Combine(above.FullName, "..", "shared", "data");
        var folder = Path.Combine(root ?? ".", name);
        if (!Directory.Exists(folder))
            Assert.Inconclusive($"Skipped: the folder '{folder}' is absent (MLNETLOSSES_DATA says where the data are).");
        return folder;
    }
}
