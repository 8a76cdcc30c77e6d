using System.Text.RegularExpressions;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Imaging;
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
    public void ReportOfAnEarlierTrainingGoesWhenTheNextOneStarts()
    {
        var report = Path.Combine(folder, "report.html");
        File.WriteAllText(report, "an earlier training");
        var seen = "";
        using var toy = new Toy { OnBatch = (_, _) => seen = seen.Length == 0 ? File.ReadAllText(report) : seen };
        TrainingLoop.Run(TrainingLogTests.Watched(toy, new() { Epochs = 1 }, new() { ReportFile = report, Task = "toy" }));
        Assert.DoesNotContain("an earlier training", seen);
        foreach (var part in new[] { "Training report: toy", "no epoch is done yet", "running, or cut off", "CrossEntropy()" })
            StringAssert.Contains(seen, part);
        Assert.DoesNotContain("no epoch is done yet", File.ReadAllText(report));
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
    [DataRow(null, "The highest losses of the best epoch.", "<figcaption>loss 3<br>")]
    [DataRow("holes", "The highest of the best epoch by holes.", "<figcaption>holes 3<br>")]
    public void RowsSayWhatTheirNumberIs(string? measure, string sentence, string number)
    {
        var epoch = new EpochRecord { Validation = new() { HardestRows = [new(7, 3) { Measure = measure }] } };
        var line = LogJson.Write(epoch);
        Assert.AreEqual(measure is not null, line.Contains("\"measure\"", StringComparison.Ordinal));
        var history = new TrainingHistory();
        history.Add(LogJson.Read(line)!);
        var page = ReportPage.Make(history);
        StringAssert.Contains(page, sentence);
        StringAssert.Contains(page, number);
    }

    [TestMethod]
    [DataRow(20, true, "Nothing conspicuous.")]
    [DataRow(19, true, "the training was too short to tell (19 intervals of steps logged; most rules need 20).")]
    [DataRow(20, false, "Nothing was found, but there were no validation data to tell")]
    [DataRow(
        1,
        false,
        "the training was too short to tell (1 interval of steps logged; most rules need 20), and there were no validation data"
    )]
    public void FindingNothingIsNotPraisedWhereLittleCouldBeFound(int intervals, bool validates, string expected)
    {
        var history = new TrainingHistory();
        for (var step = 1; step <= intervals; step++)
            history.Add(new StepsRecord { Step = step, Loss = 1 });
        history.Add(new EpochRecord { Step = intervals, Validation = validates ? new() : null });
        var (page, comparison) = (ReportPage.Make(history), ComparisonPage.Make([("one", history), ("two", history)]));
        StringAssert.Contains(page, expected);
        var isPraised = expected == "Nothing conspicuous.";
        Assert.AreEqual(isPraised, page.Contains("conspicuous", StringComparison.Ordinal));
        Assert.AreEqual(isPraised, comparison.Contains("nothing conspicuous", StringComparison.Ordinal));
        if (!isPraised)
            StringAssert.Contains(comparison, expected.TrimEnd('.').Replace("Nothing was found, but ", "", StringComparison.Ordinal));
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
        Assert.AreEqual(
            5,
            Regex.Count(text, "<i style=\"background-color:var\\(--c1\\)\"></i>two"),
            "A curve of each training in each chart."
        );
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
        Train("one", m => m with { Classes = Kinds, Picture = _ => Square }, Validation);
        Train("two", m => m);
        var (full, comparison) = (Path.Combine(folder, "one", "report.html"), Path.Combine(folder, "comparison.html"));
        TrainingReport.Compare([Path.Combine(folder, "one"), Path.Combine(folder, "two")], comparison);
        using var browser = Browser.Start();
        if (browser is null)
        {
            Assert.Inconclusive("Skipped: no browser of the Chrome family is on the PATH.");
            return;
        }
        var grounds = new HashSet<(bool, string)>();
        foreach (var file in new[] { full, comparison })
        foreach (var width in new[] { 400, 1400 })
        foreach (var dark in new[] { false, true })
        {
            browser.Open(file, width, dark);
            var what = $"{Path.GetFileName(file)} at {width}, {(dark ? "dark" : "light")}";
            LooksRight(browser, width, what);
            if (file == full)
                ShowsTheValidation(browser, width, what);
            grounds.Add((dark, (string)browser.Evaluate("getComputedStyle(document.body).backgroundColor")!));
            Assert.IsGreaterThan(10_000, browser.Screenshot().Length, what);
            if (Environment.GetEnvironmentVariable("MLNETLOSSES_SCREENSHOTS") is { } screenshots)
                File.WriteAllBytes(Path.Combine(screenshots, $"{what}.png"), browser.Screenshot());
        }
        Assert.HasCount(2, grounds, "One ground in light and one in dark.");
        Assert.HasCount(2, grounds.Select(g => g.Item2).Distinct().ToList());
        Assert.IsEmpty(browser.Messages, string.Join('\n', browser.Messages));
    }

    private static void LooksRight(Browser browser, int width, string what)
    {
        Assert.IsLessThanOrEqualTo(width, (int)browser.Evaluate("document.documentElement.scrollWidth")!, $"{what}: nothing sticks out.");
        var charts = (int)
            browser.Evaluate(
                "[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().height > 100 && s.querySelector('path.series')).length"
            )!;
        Assert.IsGreaterThanOrEqualTo(5, charts, what);
        var text = (double)
            browser.Evaluate("Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))")!;
        Assert.IsGreaterThan(8, text, $"{what}: the smallest letters can be read.");
        // Letters and what is behind them differ by 3 to 1 or more, as the guidelines for accessible content ask of large ones.
        Assert.IsGreaterThan(3, (double)browser.Evaluate(LeastContrast)!, $"{what}: letters stand out from their ground.");
        var columns = (int)
            browser.Evaluate("new Set([...document.querySelectorAll('.grid .chart')].map(c => c.getBoundingClientRect().left)).size")!;
        Assert.IsTrue(width == 400 ? columns == 1 : columns > 1, what);
    }

    // What only a page with everything filled in shows.
    private static void ShowsTheValidation(Browser browser, int width, string what)
    {
        Assert.AreEqual(Kinds.Length, Count("table.numbers tbody tr"), $"{what}: the table of classes.");
        Assert.AreEqual(Kinds.Length * Kinds.Length, Count("svg[aria-label='confusion matrix'] rect"), what);
        Assert.AreEqual(Kinds.Length, Count("svg[aria-label='Precision over recall'] path.series"), what);
        Assert.AreEqual(3, Count("svg[aria-label='Calibration'] path.series"), what);
        Assert.IsGreaterThanOrEqualTo(
            MonitoringOptions.DefaultHardestRows + 8,
            Count(".rows img"),
            $"{what}: training rows and validation rows."
        );
        Assert.AreEqual(2, Count(".pictures img"), $"{what}: the overlays.");
        var hidden = (int)
            browser.Evaluate(
                $"[...document.querySelectorAll('img')].filter(i => {{ const r = i.getBoundingClientRect(); return !i.complete || i.naturalWidth == 0 || r.width < 20 || r.height < 10 || r.right > {width}; }}).length"
            )!;
        Assert.AreEqual(0, hidden, $"{what}: all pictures are drawn and within the page.");

        int Count(string selector) =>
            (int)
                browser.Evaluate(
                    $"[...document.querySelectorAll(\"{selector}\")].filter(e => e.getBoundingClientRect().width > 0 || e.getBoundingClientRect().height > 0).length"
                )!;
    }

    private const string LeastContrast = """
        (() => {
          const light = color => {
            const [r, g, b] = color.match(/[\d.]+/g).map(Number).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c)) return c; } };
          return Math.min(...[...document.querySelectorAll('h1,h2,h3,p,th,td,b,figcaption,.soft,pre')].map(e => {
            const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05);
          }));
        })()
        """;

    private static readonly string[] Kinds = ["meadow and pasture", "open water", "forest"];
    private static readonly byte[] Square = Png.Write(64, 64, Png.Rgb, 8, [.. Enumerable.Repeat((byte)128, 64 * 64 * 3)]);
    private static readonly byte[] Wide = Png.Write(900, 300, Png.Rgb, 8, [.. Enumerable.Repeat((byte)90, 900 * 300 * 3)]);

    /// <summary>A validation that gives everything that there is to show.</summary>
    private static ValidationMetrics Validation(Toy toy)
    {
        var evidence = new ClassificationEvidence(Kinds, 8);
        for (var row = 0; row < Toy.Rows; row++)
        {
            var (label, said) = (row % 3, (row % 5 == 0 ? row + 1 : row) % 3);
            var sure = 0.4 + 0.59 * (row * 7 % Toy.Rows) / Toy.Rows;
            evidence.AddScores(label, [.. Enumerable.Range(0, 3).Select(c => (float)Math.Log(c == said ? sure : (1 - sure) / 2))]);
            evidence.Add(row, label, said, sure, label == said ? -Math.Log(sure) : -Math.Log((1 - sure) / 2));
        }
        return toy.Validate(default) with
        {
            Details = evidence.Finish() with
            {
                Pictures = [new("Row 5: image, mask, prediction; 21.0 % of the pixels wrong", Wide), new("Row 7", Wide)],
            },
        };
    }

    private string Train(string name, Func<MonitoringOptions, MonitoringOptions> change, Func<Toy, ValidationMetrics>? validation = null)
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
        TrainingLoop.Run(
            TrainingLogTests.Watched(
                toy,
                new() { Epochs = 6, Seed = 3 },
                monitoring,
                validate: validation is null ? null : _ => validation(toy)
            )
        );
        return File.ReadAllText(monitoring.ReportFile!);
    }
}
