using System.Reflection;
using System.Reflection.Emit;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses;

/// <summary>
/// A loss leaves its numbers on the device: a copy to the host, or an operation whose result's size depends on numbers, would wait for all work that is
/// queued. Where one does, and why, is listed here.
/// </summary>
[TestClass]
public class NoWaitTests
{
    private const string Checks = "only with CheckValues, which training loops turn off";
    private const string OnTheCpu = "only on the CPU, where nothing is waited for";
    private const string TooMany = "without the list of pairs or places the work would be of a higher order";

    /// <summary>Type (with those inside it), method ("" is any), and the reason.</summary>
    private static readonly (Type Type, string Method, string Reason)[] Allowed =
    [
        (typeof(LossContract), "", "no training"),
        (typeof(ClassTargets), "CheckValues", Checks),
        (typeof(LossFunction), "CheckWeights", Checks),
        (typeof(DenseDetectionLoss), "Check", Checks),
        (typeof(DistributionFocalLoss), "ComputeTerms", Checks),
        (typeof(MetricLoss), "ComputeTerms", Checks),
        (typeof(MetricLoss), "CheckClasses", Checks),
        (typeof(PairMetricLoss), "CheckIndices", Checks),
        (typeof(DenoisingDiffusionLoss), "", Checks),
        (typeof(DenoisingScoreMatchingLoss), "ComputeTerms", Checks),
        (typeof(ReconstructionLoss), "CrossEntropy", Checks),
        (typeof(GradNormLoss), "CheckInitial", Checks),
        (typeof(ClassTargets), "MayHold", OnTheCpu),
        (typeof(AutomatedFocalLoss), "ComputeRowSums", OnTheCpu),
        (typeof(HeteroscedasticClassificationLoss), "ComputeRowSums", OnTheCpu),
        (typeof(AveragePrecisionLoss), "OfLabels", OnTheCpu),
        (typeof(DistanceWeightedMiner), "Listed", OnTheCpu),
        (typeof(NPairLoss), "OfPairs", OnTheCpu),
        (typeof(TensorMemory<>), "", OnTheCpu),
        (typeof(BinaryRegionSums), "Differentiate", OnTheCpu),
        (typeof(BorderField), "Backward", OnTheCpu),
        (typeof(CenterlineSums), "Backward", OnTheCpu),
        (typeof(CostSums), "Backward", OnTheCpu),
        (typeof(FusedRegionSums), "Backward", OnTheCpu),
        (typeof(FusedSquaredErrors), "Backward", OnTheCpu),
        (typeof(LovaszHinge), "Backward", OnTheCpu),
        (typeof(LovaszSoftmax), "Backward", OnTheCpu),
        (typeof(RobustPower), "LogPartition", "a constant, made once"),
        (typeof(DistanceTransform), "Euclidean", "a distance transform"),
        (typeof(BorderMap), "Of", "a distance transform"),
        (typeof(GradientRule), "Coefficients", "T x T numbers a step, for rules that solve a small problem over them"),
        (typeof(ProjectConflictingGradientsLoss), "", "an order of tasks, which the host needs"),
        (typeof(AngularSum), "Compute", TooMany),
        (typeof(TripletHinge), "ByBlocks", TooMany),
        (typeof(RankSortLoss), "Rank", TooMany),
    ];

    [TestMethod]
    public void NumbersAreReadOnlyWhereItIsSaid()
    {
        var found = new SortedSet<string>();
        var used = new HashSet<int>();
        foreach (var type in typeof(Loss).Assembly.GetTypes().Where(type => type.Namespace == typeof(Loss).Namespace))
        foreach (var method in Methods(type).Where(method => Calls(method).Any(Waits)))
        {
            var at = Array.FindIndex(
                Allowed,
                place => Holds(place.Type, type) && (place.Method.Length == 0 || NameOf(method) == place.Method)
            );
            if (at < 0)
                found.Add(
                    $"{type.FullName}.{method.Name}: {string.Join(", ", Calls(method).Where(Waits).Select(call => call.Name).Distinct())}"
                );
            else
                used.Add(at);
        }
        Assert.AreEqual(0, found.Count, "These wait for the device:\n" + string.Join("\n", found));
        var unused = Allowed.Where((_, at) => !used.Contains(at)).Select(place => $"{place.Type.Name}.{place.Method}");
        Assert.AreEqual("", string.Join(", ", unused), "no longer needed");
    }

    [TestMethod]
    public void TheSearchSeesClosuresAndGenericMethods()
    {
        Func<Tensor, Func<bool>> inClosure = tensor => () => tensor.item<bool>();
        Assert.IsTrue(Calls(inClosure(null!).Method).Any(Waits));
        Assert.IsFalse(Calls(((Func<Tensor, Tensor>)(tensor => tensor.gt(0))).Method).Any(Waits));
    }

    private static bool Waits(MethodBase method) =>
        method.DeclaringType is { } type
        && (
            type == typeof(Tensor)
                && method.Name is "nonzero" or "item" or "data" or "cpu" or "masked_select" or "get_bytes" or "op_Explicit" or "tolist"
            || type == typeof(TensorExtensionMethods)
                && (method.Name.StartsWith("To", StringComparison.Ordinal) || method.Name is "item" or "cpu")
            || type == typeof(torch) && method.Name is "nonzero" or "masked_select" or "unique" or "bincount" or "argwhere"
            || method.Name is "repeat_interleave" or "one_hot"
            || method.Name == "where" && method.GetParameters().Length == 1
        );

    private static bool Holds(Type outer, Type? type)
    {
        for (; type is not null; type = type.DeclaringType)
            if (type == outer)
                return true;
        return false;
    }

    // A closure's method is named <Outer>b__0, a local function <Outer>g__Local|0.
    private static string NameOf(MethodBase method) => method.Name.StartsWith('<') ? method.Name[1..method.Name.IndexOf('>')] : method.Name;

    private static IEnumerable<MethodBase> Methods(Type type)
    {
        const BindingFlags all =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        return type.GetMethods(all).Concat<MethodBase>(type.GetConstructors(all));
    }

    private static readonly OpCode[] OpCodesByValue = [.. typeof(OpCodes).GetFields().Select(field => (OpCode)field.GetValue(null)!)];

    /// <summary>The methods that a method's code names.</summary>
    private static IEnumerable<MethodBase> Calls(MethodBase method)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } code)
            yield break;
        var typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var at = 0; at < code.Length; )
        {
            var value = code[at] == 0xFE ? (short)(0xFE00 | code[at + 1]) : code[at];
            var operation = OpCodesByValue.First(known => known.Value == value);
            at += operation.Size;
            if (operation.OperandType == OperandType.InlineMethod)
                yield return method.Module.ResolveMethod(BitConverter.ToInt32(code, at), typeArguments, methodArguments)!;
            at += operation.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
                _ => 4,
            };
        }
    }
}
