using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Documentation;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>The reference of the training log names every member of its lines, and no other.</summary>
[TestClass]
public sealed class LogSchemaTests
{
    private const string Page = "Trainers/Monitoring/Log/README.md";

    private static readonly Dictionary<string, Type> Tables = new()
    {
        ["`run`: a training begins or goes on"] = typeof(RunRecord),
        ["`steps`: an interval of steps"] = typeof(StepsRecord),
        ["A term"] = typeof(TermRecord),
        ["Memory"] = typeof(MemoryRecord),
        ["A state of the loss"] = typeof(StateRecord),
        ["`epoch`: an epoch is done"] = typeof(EpochRecord),
        ["Train"] = typeof(TrainRecord),
        ["Validation"] = typeof(ValidationRecord),
        ["A class"] = typeof(ClassMetrics),
        ["A bin of the calibration"] = typeof(CalibrationBin),
        ["A curve of precision over recall"] = typeof(PrecisionRecallCurve),
        ["A row"] = typeof(RowFinding),
        ["`finding`: a diagnosis"] = typeof(FindingRecord),
        ["A finding"] = typeof(Finding),
        ["`end`: the training is over"] = typeof(EndRecord),
    };

    [TestMethod]
    public void EveryMemberIsInThePageAndTheOtherWayRound()
    {
        var page = GeneratedPage.Open(Page);
        var sections = Regex.Split(page.Text, "^##+ ", RegexOptions.Multiline).Skip(1).ToDictionary(s => s[..s.IndexOf('\n')]);
        CollectionAssert.AreEquivalent(Tables.Keys, sections.Keys);
        foreach (var (heading, type) in Tables)
            CollectionAssert.AreEquivalent(Members(type).Select(m => m.Name).ToArray(), Named(sections[heading]), heading);
    }

    [TestMethod]
    public void EveryTypeOfALineHasItsTable()
    {
        var types = new HashSet<Type>();
        foreach (var line in typeof(LogRecord).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(LogRecord))))
            Visit(line);
        CollectionAssert.AreEquivalent(Tables.Values.ToArray(), types.ToArray());

        void Visit(Type type)
        {
            type = Nullable.GetUnderlyingType(type) ?? type;
            if (type.IsGenericType)
                Visit(type.GetGenericArguments()[^1]); // of a list or a dictionary
            else if (type.Namespace == typeof(LogRecord).Namespace && !type.IsEnum && types.Add(type))
                foreach (var member in Members(type))
                    Visit(member.PropertyType);
        }
    }

    [TestMethod]
    public void MetricsAndFiguresOfEachTaskAreThoseOfThePage()
    {
        var classified = new ClassificationEvidence(["a"], 0).Finish().Classes;
        var segmented = new SegmentationEvidence(null!, ["a"]).Finish([1], [1], [1], null).Classes;
        var detected = new DetectionEvidence(null!, ["a"], 0.5, draws: false).Finish(new ObjectDetectionEvaluator(["a"]).Metrics()).Classes;
        Row("metrics", Metrics<ClassificationValidation>(), Metrics<SegmentationValidation>(), Metrics<DetectionValidation>());
        Row("figures of a class", Figures(classified), Figures(segmented), Figures(detected));

        static void Row(string name, params string[][] tasks)
        {
            var page = GeneratedPage.Open(Page).Text;
            var cells = Regex.Match(page, $@"^\| {name} \|(.*)\|$", RegexOptions.Multiline).Groups[1].Value.Split('|');
            CollectionAssert.AreEqual(
                tasks.Select(names => string.Join(", ", names)).ToArray(),
                cells.Select(c => c.Trim().Replace("`", "")).ToArray()
            );
        }

        static string[] Figures(IReadOnlyList<ClassMetrics> classes) => [.. classes[0].Values.Keys];

        static string[] Metrics<T>() =>
            [.. typeof(T).GetFields().Where(f => f is { IsLiteral: true }).Select(f => f.GetRawConstantValue()).OfType<string>()];
    }

    // Every line has its kind and its time.
    private static IEnumerable<JsonPropertyInfo> Members(Type type) =>
        LogJson.Options.GetTypeInfo(type).Properties.Where(m => m.Get is not null && m.Name != "time");

    // What the first column of the section's first table names.
    private static string[] Named(string section) =>
        [
            .. Regex
                .Match(section, @"^\| member \|.*\n\|[-|]+\n((\|.*\n)*)", RegexOptions.Multiline)
                .Groups[1]
                .Value.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .SelectMany(row => Regex.Matches(row.Split('|')[1], "`([^`]+)`").Select(m => m.Groups[1].Value)),
        ];
}
