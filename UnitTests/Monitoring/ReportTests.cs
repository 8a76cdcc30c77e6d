using System.Text.RegularExpressions;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Training;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>report.html: one file with everything, made from the log alone; looked at in a browser where there is one.</summary>
[TestClass]
public sealed class ReportTests
{
    private readonly string folder = Directory.CreateTempSubdirectory("report").FullName;

    [TestCleanup]
    public void Delete() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void PageNeedsNothingElseAndEscapesWhatUsersWrite()
    {
        var report = Train(
            "one",
            m =>
                m with
                {
                    Task = "<script>alert(1)</script>",
                    Settings = new Dictionary<string, string> { ["name & more"] = "\"<b>bold</b>\"" },
                    Classes = ["<img src=x>", "b", "c"],
                }
        );
        Assert.IsFalse(Regex.IsMatch(report, @"(src|href)=""(?!data:)", RegexOptions.IgnoreCase), "Everything is inside the page.");
        Assert.DoesNotContain("<script", report);
        Assert.DoesNotContain("<img src=x>", report);
        StringAssert.Contains(report, "&lt;script&gt;alert(1)&lt;/script&gt;");
        StringAssert.Contains(report, "&quot;&lt;b&gt;bold&lt;/b&gt;&quot;");
        foreach (
            var chart in new[]
            {
                "Loss",
                "Terms of the loss, as weighted",
                "Share of the gradient",
                "Metrics",
                "Learning rate",
                "Gradient norm",
                "Size of an update",
            }
        )
            StringAssert.Contains(report, $"<h3>{chart}</h3>");
        foreach (
            var part in new[]
            {
                "CrossEntropy() + 0.5 * Focal()",
                "Settings",
                "Environment",
                "libtorch",
                "As JSON",
                "Hardest training rows",
            }
        )
            StringAssert.Contains(report, part);
    }

    [TestMethod]
    public void LogAloneGivesTheSameReportAlsoWhenItWasCutOff()
    {
        var written = Train("one", m => m);
        var again = Path.Combine(folder, "again.html");
        TrainingReport.Write(Path.Combine(folder, "one"), again);
        Assert.IsTrue(Shape(written) == Shape(File.ReadAllText(again)), "All but the last digits of numbers is the same.");

        var log = Path.Combine(folder, "one", "training.jsonl");
        var lines = File.ReadAllLines(log);
        File.WriteAllText(log, string.Join('\n', lines[..^2]) + "\n{\"kind\":\"epo");
        TrainingReport.Write(log, again);
        StringAssert.Contains(File.ReadAllText(again), "running, or cut off");

        static string Shape(string page) => Regex.Replace(page, @"\d[\d.,]*", "#");
    }

    [TestMethod]
    public void ComparisonShowsWhatDiffersAndOnlyThat()
    {
        Train(
            "one",
            m =>
                m with
                {
                    Settings = new Dictionary<string, string> { ["Backbone"] = "small", ["BatchSize"] = "32" },
                }
        );
        Train(
            "two",
            m =>
                m with
                {
                    Settings = new Dictionary<string, string> { ["Backbone"] = "large", ["BatchSize"] = "32" },
                }
        );
        var page = Path.Combine(folder, "comparison.html");
        TrainingReport.Compare([Path.Combine(folder, "one"), Path.Combine(folder, "two")], page);
        var text = File.ReadAllText(page);
        var differences = Regex.Match(text, @"<h2>Settings that differ</h2>(.*?)</section>", RegexOptions.Singleline).Groups[1].Value;
        StringAssert.Contains(differences, "<td>Backbone</td><td>small</td><td>large</td>");
        Assert.DoesNotContain("BatchSize", differences);
        foreach (var chart in new[] { "Training loss, smoothed", "Validation, accuracy", "Validation, loss" })
            StringAssert.Contains(text, $"<h3>{chart}</h3>");
        Assert.AreEqual(5, Regex.Count(text, "<i style=\"background:var\\(--c1\\)\"></i>two"), "A curve of each training in each chart.");
    }

    [TestMethod]
    public void ComparingOneIsRefusedAndAMissingLogIsNamed()
    {
        Assert.ThrowsExactly<ArgumentException>(() => TrainingReport.Compare([folder], "x.html"));
        var error = Assert.ThrowsExactly<FileNotFoundException>(() => TrainingReport.Write(folder, "x.html"));
        StringAssert.Contains(error.Message, Path.Combine(folder, "training.jsonl"));
    }

    [TestMethod]
    public void LongTrainingHasFewPointsACurveAndKeepsItsSpike()
    {
        var points = Enumerable.Range(0, 100_000).Select(i => ((double)i, i == 54_321 ? 9.0 : 1.0)).ToList();
        var html = new Html();
        new LineChart("many", [new("curve", points)]).Write(html);
        Assert.IsLessThan(20_000, html.ToString().Length);
        var path = Regex.Match(html.ToString(), "class=\"series\"[^>]* d=\"([^\"]*)\"").Groups[1].Value;
        var ys = Regex.Matches(path, @"[ML]\d+(?:\.\d+)? (\d+(?:\.\d+)?)").Select(m => m.Groups[1].Value).Distinct().ToList();
        Assert.HasCount(2, ys, "The level and the spike.");
    }

    [TestMethod]
    [DataRow(0.0, 1.0, new[] { 0.0, 0.2, 0.4, 0.6, 0.8, 1.0 })]
    [DataRow(-1.0, 1.0, new[] { -1.0, -0.5, 0.0, 0.5, 1.0 })]
    [DataRow(0.0, 43.0, new[] { 0.0, 10.0, 20.0, 30.0, 40.0 })]
    public void TicksAreRound(double low, double high, double[] expected)
    {
        var ticks = new AxisScale([low, high], low: low, high: high).Ticks();
        Assert.HasCount(expected.Length, ticks);
        foreach (var (tick, wanted) in ticks.Zip(expected))
            Assert.AreEqual(wanted, tick, 1e-12);
    }

    [TestMethod]
    public void CalibrationErrorIsTheWeightedMeanDistance()
    {
        var evidence = new ClassificationEvidence(["a", "b"], 2);
        for (var i = 0; i < 10; i++)
            evidence.Add(i, 0, i < 6 ? 0 : 1, 0.95, i); // 60 % right at 95 %
        for (var i = 0; i < 30; i++)
            evidence.Add(10 + i, 1, i < 18 ? 1 : 0, 0.55, 0); // 60 % right at 55 %
        var details = evidence.Finish();
        Assert.AreEqual(0.25 * 0.35 + 0.75 * 0.05, ClassificationSection.ExpectedCalibrationError(details.Calibration), 1e-12);
        CollectionAssert.AreEqual((long[])[6, 4], details.Confusion![0].ToArray());
        CollectionAssert.AreEqual((long[])[9, 8], details.HardestRows.Select(r => r.Row).ToArray());
        Assert.AreEqual(0.6, details.Classes[0].Values["recall"], 1e-12);
        Assert.AreEqual(6.0 / 18, details.Classes[0].Values["precision"], 1e-12);
    }

    [TestMethod]
    public void AveragePrecisionIsThatOfTheRanking()
    {
        // Scores 0.9+ 0.8- 0.7+ 0.2-: precision at the positives 1 and 2/3.
        var histogram = new ScoreHistogram();
        foreach (var (score, positive) in new[] { (0.9, true), (0.8, false), (0.7, true), (0.2, false) })
            histogram.Add((float)Math.Log(score), positive);
        Assert.AreEqual((1 + 2.0 / 3) / 2, histogram.Curve("a").AveragePrecision, 1e-12);
    }

    [TestMethod]
    public void BrowserShowsItAtBothWidthsInLightAndDark()
    {
        Train("one", m => m);
        Train("two", m => m);
        var comparison = Path.Combine(folder, "comparison.html");
        TrainingReport.Compare([Path.Combine(folder, "one"), Path.Combine(folder, "two")], comparison);
        using var browser = Browser.Start();
        if (browser is null)
        {
            Assert.Inconclusive("Skipped: no browser of the Chrome family is on the PATH.");
            return;
        }
        var grounds = new HashSet<string>();
        foreach (var file in new[] { Path.Combine(folder, "one", "report.html"), comparison })
        foreach (var (width, dark) in new[] { (400, false), (1400, true) })
        {
            browser.Open(file, width, dark);
            var what = $"{Path.GetFileName(file)} at {width}";
            Assert.IsLessThanOrEqualTo(
                width,
                (int)browser.Evaluate("document.documentElement.scrollWidth")!,
                $"{what}: nothing sticks out."
            );
            var charts = (int)
                browser.Evaluate(
                    "[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().height > 100 && s.querySelector('path.series')).length"
                )!;
            Assert.IsGreaterThanOrEqualTo(5, charts, what);
            var text = (double)
                browser.Evaluate("Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))")!;
            Assert.IsGreaterThan(8, text, $"{what}: the smallest letters can be read.");
            var columns = (int)
                browser.Evaluate("new Set([...document.querySelectorAll('.grid .chart')].map(c => c.getBoundingClientRect().left)).size")!;
            Assert.AreEqual(width == 400 ? 1 : columns, columns, what);
            Assert.IsTrue(width == 400 || columns > 1, what);
            grounds.Add((string)browser.Evaluate("getComputedStyle(document.body).backgroundColor")!);
            Assert.IsGreaterThan(10_000, browser.Screenshot().Length, what);
        }
        Assert.HasCount(2, grounds, "Light and dark.");
        Assert.IsEmpty(browser.Messages, string.Join('\n', browser.Messages));
    }

    private string Train(string name, Func<MonitoringOptions, MonitoringOptions> change)
    {
        var place = Path.Combine(folder, name);
        using var toy = new Toy(loss: new CrossEntropyLoss() + 0.5 * new FocalLoss());
        var monitoring = change(
            new()
            {
                LogFile = Path.Combine(place, "training.jsonl"),
                ReportFile = Path.Combine(place, "report.html"),
                SamplingShare = 1,
                Classes = ["a", "b", "c"],
            }
        );
        TrainingLoop.Run(TrainingLogTests.Watched(toy, new() { Epochs = 6, Seed = 3 }, monitoring));
        return File.ReadAllText(monitoring.ReportFile!);
    }
}
