using System.Runtime.CompilerServices;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;

namespace MLNetLosses.UnitTests.Losses.Core;

/// <summary>
/// What every loss promises as a definition: equality by value, JSON and text that read back, options that cannot be wrong.
/// </summary>
[TestClass]
public class DefinitionTests
{
    [TestMethod]
    [DynamicData(nameof(AllTypes))]
    public void EveryOptionReadsBackAndCountsForEquality(string name)
    {
        var type = LossCatalog.All.Single(l => l.Name == name).Type;
        var plain = OptionVariants.Plain(type);
        Assert.AreEqual(plain, OptionVariants.Plain(type));
        foreach (var option in DefinitionSchema.Of(type).Options)
        {
            var variants = OptionVariants
                .Values(option, option.Property.GetValue(plain))
                .Select(value => OptionVariants.With(plain, option, value))
                .OfType<Loss>()
                .Take(4)
                .ToArray();
            foreach (var changed in variants)
            {
                Assert.AreNotEqual(plain, changed, option.Name);
                Assert.AreEqual(changed, OptionVariants.With(changed, option, option.Property.GetValue(changed)));
                foreach (
                    var read in new[] { Loss.FromJson(changed.ToJson()), Loss.Parse(changed.ToString()), Loss.Parse(changed.ToJson(true)) }
                )
                {
                    Assert.AreEqual(changed, read, option.Name);
                    Assert.AreEqual(changed.GetHashCode(), read.GetHashCode(), option.Name);
                }
                StringAssert.Contains(changed.ToString(), option.JsonName + ": ");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(AllTypes))]
    public void OptionsAreSetOnceAndOutOfRangeIsRefused(string name)
    {
        var type = LossCatalog.All.Single(l => l.Name == name).Type;
        foreach (var option in DefinitionSchema.Of(type).Options)
        {
            var isInit = option.Property.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));
            Assert.IsTrue(isInit, $"{option.Name} must be init-only");
            if (option.Interval is null || (Nullable.GetUnderlyingType(option.Type) ?? option.Type) is not { IsPrimitive: true } number)
                continue;
            foreach (var wrong in new[] { -1e9, 1e9 }.Where(value => !option.Interval.Contains(value)))
            {
                var value = number == typeof(double) ? wrong : Convert.ChangeType(wrong, number);
                var error = Assert.ThrowsExactly<System.Reflection.TargetInvocationException>(() =>
                    option.Property.SetValue(DefinitionSchema.Of(type).CreateInstance(), value)
                );
                var inner = Assert.IsInstanceOfType<ArgumentOutOfRangeException>(error.InnerException);
                StringAssert.Contains(inner.Message, option.Name);
                StringAssert.Contains(inner.Message, option.Interval.Notation);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(AllTypes))]
    public void AnUnknownOptionListsWhatIsAllowed(string name)
    {
        var error = Assert.ThrowsExactly<FormatException>(() => Loss.Parse($"{name}(nonsense: 1)"));
        StringAssert.Contains(error.Message, $"{name} has no option 'nonsense'");
        foreach (var option in LossCatalog.All.Single(l => l.Name == name).Options)
            StringAssert.Contains(error.Message, option.JsonName);
    }

    [TestMethod]
    public void WithChecksAgain()
    {
        var loss = new FocalLoss { Gamma = 3 };
        Assert.AreEqual(new FocalLoss { Gamma = 3, Alpha = 0.5 }, loss with { Alpha = 0.5 });
        Assert.AreEqual(3, loss.Gamma);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => loss with { Gamma = -1 });
    }

    [TestMethod]
    public void ListsCompareByValueAndAreCopies()
    {
        double[] weights = [1, 2];
        var loss = new CrossEntropyLoss { ClassWeights = weights };
        weights[0] = 5;
        Assert.AreEqual(new CrossEntropyLoss { ClassWeights = [1, 2] }, loss);
        Assert.AreNotEqual(new CrossEntropyLoss { ClassWeights = [2, 1] }, loss);
    }

    public static IEnumerable<object[]> AllTypes() => LossCatalog.All.Select(info => new object[] { info.Name });
}
