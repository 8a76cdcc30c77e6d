using System.Reflection;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;

namespace MLNetLosses.UnitTests.Losses.Core;

/// <summary>
/// What a loss may be used for is its static type. These lines do not compile, each with CS0266 or CS0019:
/// <code>
/// ClassificationLoss a = new DiceLoss();                              // a region loss needs pixels
/// ClassificationLoss b = new CrossEntropyLoss() + new DiceLoss();     // so their sum is a segmentation loss
/// RegressionLoss c = new StructuralSimilarityLoss();                  // compares images, not numbers
/// BoxLoss d = new HuberLoss();                                        // encoded offsets are no boxes
/// var e = new CrossEntropyLoss() + new HuberLoss();                   // nothing takes both
/// </code>
/// The tests ask reflection the same questions.
/// </summary>
[TestClass]
public class FamilyTests
{
    [TestMethod]
    [DataRow("CrossEntropy", typeof(ClassificationLoss), true)]
    [DataRow("CrossEntropy", typeof(SegmentationLoss), true)]
    [DataRow("CrossEntropy", typeof(RegressionLoss), false)]
    [DataRow("Dice", typeof(SegmentationLoss), true)]
    [DataRow("Dice", typeof(ClassificationLoss), false)]
    [DataRow("Huber", typeof(RegressionLoss), true)]
    [DataRow("Huber", typeof(ImageLoss), true)]
    [DataRow("Huber", typeof(BoxLoss), false)]
    [DataRow("Huber", typeof(ClassificationLoss), false)]
    [DataRow("GeneralizedIoU", typeof(BoxLoss), true)]
    [DataRow("GeneralizedIoU", typeof(RegressionLoss), false)]
    [DataRow("RankSort", typeof(DenseDetectionLoss), true)]
    [DataRow("RankSort", typeof(ClassificationLoss), false)]
    public void ALossServesItsFamilies(string name, Type family, bool serves) =>
        Assert.AreEqual(serves, LossCatalog.All.Single(l => l.Name == name).Type.IsAssignableTo(family));

    [TestMethod]
    public void SumsHaveTheTypeOfWhatTheirTermsShare()
    {
        ClassificationLoss both = new CrossEntropyLoss() + 0.5 * new FocalLoss();
        SegmentationLoss mixed = new CrossEntropyLoss() + 0.5 * new DiceLoss();
        RegressionLoss numbers = 2 * new HuberLoss() + new CharbonnierLoss();
        Assert.IsInstanceOfType<ClassificationSumLoss>(both);
        Assert.IsInstanceOfType<SegmentationSumLoss>(mixed);
        Assert.IsNotInstanceOfType<ClassificationLoss>(mixed);
        Assert.IsInstanceOfType<RegressionSumLoss>(numbers);
    }

    [TestMethod]
    public void NoOperatorAddsLossesThatNothingTakes()
    {
        // Every + that C# can choose is declared on a family and takes two losses of it: CrossEntropy and Huber share none.
        foreach (var add in Operators("op_Addition"))
        {
            var family = add.DeclaringType!;
            CollectionAssert.AreEqual(new[] { family, family }, add.GetParameters().Select(p => p.ParameterType).ToArray());
            Assert.AreEqual(family, add.ReturnType);
            Assert.IsFalse(
                typeof(CrossEntropyLoss).IsAssignableTo(family) && typeof(HuberLoss).IsAssignableTo(family),
                $"{family.Name} would take both"
            );
        }
        Assert.IsNotEmpty(Operators("op_Addition"));
    }

    [TestMethod]
    public void EveryConcreteLossBelongsToAFamilyThatAdds()
    {
        foreach (var info in LossCatalog.All)
            Assert.IsTrue(
                Operators("op_Addition").Any(add => info.Type.IsAssignableTo(add.DeclaringType!)) || StandsAlone(info.Type),
                $"{info.Name} can neither be added nor is it marked as standing alone"
            );
    }

    // A family without sums has a base record of its own, directly below Loss.
    private static bool StandsAlone(Type type) =>
        type.BaseType == typeof(Loss) || type.BaseType!.BaseType == typeof(Loss) || type.IsAssignableTo(typeof(LossWeighting));

    private static MethodInfo[] Operators(string name) =>
        [
            .. typeof(Loss)
                .Assembly.GetTypes()
                .Where(type => type.IsAssignableTo(typeof(Loss)))
                .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
                .Where(method => method.Name == name),
        ];
}
