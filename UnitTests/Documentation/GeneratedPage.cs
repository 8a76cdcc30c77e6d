using System.Text.RegularExpressions;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace MLNetLosses.UnitTests.Documentation;

/// <summary>
/// A page whose parts between <c>&lt;!-- generated: name --&gt;</c> and <c>&lt;!-- end of name --&gt;</c> come from code. With the
/// environment variable MLNETLOSSES_WRITE_DOCS set to 1, checking a page writes it.
/// </summary>
internal sealed class GeneratedPage
{
    private const string WriteVariable = "MLNETLOSSES_WRITE_DOCS";

    private readonly string file;

    private GeneratedPage(string file) => this.file = file;

    public static string? Repository { get; } = FindRepository();

    public string Folder => Path.GetDirectoryName(file)!;

    public string Text => Normal(File.ReadAllText(file));

    /// <summary>Opens a page; the test is inconclusive where the tests run without the sources.</summary>
    /// <param name="path">From the repository's root.</param>
    public static GeneratedPage Open(string path)
    {
        if (Repository is null)
            Assert.Inconclusive("The tests do not run inside a copy of the repository, so there is no page to check.");
        return new(Path.Combine(Repository, path));
    }

    /// <summary>Compares a part with what code makes of it, or writes it.</summary>
    public void Check(string name, string content)
    {
        var (begin, end) = ($"<!-- generated: {name} -->\n", $"<!-- end of {name} -->");
        var text = Text;
        var from = text.IndexOf(begin, StringComparison.Ordinal);
        var to = text.IndexOf(end, StringComparison.Ordinal);
        Assert.IsTrue(from >= 0 && to > from, $"{file} needs the lines '{begin.Trim()}' and '{end}'.");
        from += begin.Length;
        content = Normal(content);
        if (text[from..to] == content)
            return;
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
        {
            File.WriteAllText(file, text[..from] + content + text[to..]);
            return;
        }
        var (old, made) = (text[from..to].Split('\n'), content.Split('\n'));
        var line = old.Zip(made).TakeWhile(pair => pair.First == pair.Second).Count();
        Assert.Fail(
            $"""
            {file}: the part '{name}' is not what the code makes of it. Write it anew with
                {WriteVariable}=1 dotnet test UnitTests --filter "FullyQualifiedName~UnitTests.Documentation"
            (PowerShell: $env:{WriteVariable} = 1 before it) and commit the page. The first line that differs:
            page: {old.ElementAtOrDefault(line)}
            code: {made.ElementAtOrDefault(line)}
            """
        );
    }

    /// <summary>The page's links to files, without those to other sites and to headings.</summary>
    public IEnumerable<string> LinkedFiles() =>
        Regex.Matches(Text, @"\]\(([^)#:]+)\)").Select(match => match.Groups[1].Value).Distinct(StringComparer.Ordinal);

    private static string Normal(string text) => text.ReplaceLineEndings("\n");

    private static string? FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "MLNetLosses.sln")))
                return folder.FullName;
        return null;
    }
}
