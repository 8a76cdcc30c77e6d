using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;

namespace MLNetLosses.UnitTests.Losses;

/// <summary>Every loss, found by reflection, keeps every promise. A new loss is covered before its own test is written.</summary>
[TestClass]
public class LossContractTests
{
    [TestMethod]
    [DynamicData(nameof(AllLosses))]
    public void KeepsItsPromises(string text, string check)
    {
        var loss = Loss.Parse(text);
        LossContract.Checks.Single(c => c.Name == check).Check(loss, inputs => inputs);
    }

    [TestMethod]
    [DynamicData(nameof(AllTypes))]
    public void HasAGuideForTheTable(string name)
    {
        var info = LossCatalog.All.Single(l => l.Name == name);
        Assert.IsNotNull(info.Guide, $"{name} has no [LossGuide]");
        Assert.AreNotEqual("Other", info.Family);
        var guide = info.Guide;
        foreach (var cell in new[] { guide.Formula, guide.Use, guide.Avoid, guide.Cost, guide.Paper })
            Assert.AreNotEqual("", cell.Trim(), $"{name} leaves a cell of the table empty; where there is no paper, say so");
    }

    public static IEnumerable<object[]> AllLosses() =>
        from info in LossCatalog.All
        where info.Type.Assembly == typeof(Loss).Assembly
        from check in LossContract.Checks
        select new object[] { Example(info.Type), check.Name };

    public static IEnumerable<object[]> AllTypes() =>
        LossCatalog.All.Where(info => info.Type.Assembly == typeof(Loss).Assembly).Select(info => new object[] { info.Name });

    private static string Example(Type type) =>
        type.GetCustomAttributes(typeof(DefinitionExampleAttribute), false) is [DefinitionExampleAttribute example]
            ? example.Text
            : DefinitionSchema.Of(type).CreateInstance().ToString();
}
