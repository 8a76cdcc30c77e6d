using System.Text.RegularExpressions;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;

namespace MLNetLosses.UnitTests.Documentation;

/// <summary>The page of losses says what the code says.</summary>
[TestClass]
[DoNotParallelize] // both tests may write the page
public class LossPageTests
{
    private const string Page = "Extensions/Losses/README.md";

    [TestMethod]
    public void TheTablesAreThoseOfTheCatalog() => GeneratedPage.Open(Page).Check("losses", LossTable.Markdown());

    [TestMethod]
    [DataRow("CappedCrossEntropyLoss")]
    [DataRow("LearnedTemperatureLoss")]
    public void TheExamplesAreCodeThatIsTested(string name)
    {
        var page = GeneratedPage.Open(Page);
        var code = File.ReadAllText(Path.Combine(GeneratedPage.Repository!, "UnitTests/Losses", name + ".cs"))
            .Replace("namespace MLNetLosses.UnitTests.Losses;", "namespace MyLosses;")
            // Only friends of the library's assembly, such as these tests, have to repeat "internal".
            .Replace("protected internal override", "protected override");
        page.Check(name, $"```csharp\n{code}```\n");
    }

    [TestMethod]
    public void EveryLinkLeadsToAFile()
    {
        var page = GeneratedPage.Open(Page);
        var links = page.LinkedFiles().ToList();
        Assert.IsGreaterThan(100, links.Count);
        CollectionAssert.AreEqual(Array.Empty<string>(), links.Where(link => !Path.Exists(Path.Combine(page.Folder, link))).ToArray());
    }

    [TestMethod]
    public void LossesThatTheTextNamesExistAndItsTextFormsRead()
    {
        var text = GeneratedPage.Open(Page).Text;
        var advice = text[text.IndexOf("## Choose", StringComparison.Ordinal)..text.IndexOf("| family |", StringComparison.Ordinal)];
        var named = Regex.Matches(advice, "`([^`]+)`").Select(match => match.Groups[1].Value).ToList();
        var forms = named.Concat(Regex.Matches(text, "[Aa]s text:? `([^`]+)`").Select(match => match.Groups[1].Value)).ToList();
        Assert.IsGreaterThan(30, forms.Count);
        foreach (var form in forms)
            if (form.Contains('('))
                Loss.Parse(form);
            else
                Assert.IsTrue(LossCatalog.All.Any(loss => loss.Name == form), $"There is no loss '{form}'.");
        var json = Regex.Matches(text, "```json\n(.*?)```", RegexOptions.Singleline).Select(match => match.Groups[1].Value).ToList();
        Assert.AreNotEqual(0, json.Count);
        foreach (var one in json)
            Loss.FromJson(one);
    }

    [TestMethod]
    public void EveryLossOfTheLibraryHasFormulaAdviceAndCost()
    {
        var lacking = LossCatalog
            .All.Where(loss => loss.Type.Assembly == typeof(Loss).Assembly)
            .Where(loss => loss.Guide is not { Formula.Length: > 0, Use.Length: > 0, Avoid.Length: > 0, Cost.Length: > 0 })
            .Select(loss => loss.Name);
        Assert.AreEqual("", string.Join(", ", lacking));
    }
}
