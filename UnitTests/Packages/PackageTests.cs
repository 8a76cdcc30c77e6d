using System.Diagnostics;
using System.IO.Compression;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace MLNetLosses.UnitTests.Packages;

/// <summary>The packages as a user meets them: restored from a folder into a project outside the repository, which trains, saves, and loads in a second process.</summary>
[TestClass]
public class PackageTests
{
#if DEBUG
    private const string Configuration = "Debug";
#else
    private const string Configuration = "Release";
#endif

    [TestMethod]
    public void AProjectOutsideTheRepositoryTrainsSavesAndLoads()
    {
        var repository = Repository();
        var folder = Directory.CreateTempSubdirectory("MLNetLosses.Packages.").FullName;
        try
        {
            var packages = Path.Combine(folder, "packages");
            foreach (var project in new[] { "Extensions", "Trainers" })
                Dotnet(repository, $"pack {project} -c {Configuration} --no-build --nologo -v q -o {packages}");
            CheckContents(packages);

            var cached = NativeLibraryInTheCache();
            var before = File.ReadAllBytes(cached);
            WriteProject(folder, packages);
            var app = Path.Combine(folder, "App");
            Dotnet(app, "build -c Release --nologo -v q");
            StringAssert.Contains(Dotnet(app, "run -c Release --no-build -- train"), "trained 2 steps");
            StringAssert.Contains(Dotnet(app, "run -c Release --no-build -- load"), "same scores");
            CollectionAssert.AreEqual(before, File.ReadAllBytes(cached), "the package cache was written to");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void CheckContents(string packages)
    {
        foreach (var id in new[] { "MLNetLosses.Extensions", "MLNetLosses.Trainers" })
        {
            var package = Directory.GetFiles(packages, $"{id}.*.nupkg").Single();
            Assert.AreEqual(1, Directory.GetFiles(packages, $"{id}.*.snupkg").Length, $"{id} has no symbols");
            using var zip = ZipFile.OpenRead(package);
            using var reader = new StreamReader(zip.GetEntry($"{id}.nuspec")!.Open());
            var nuspec = reader.ReadToEnd();
            StringAssert.Contains(nuspec, "<license type=\"expression\">MIT</license>");
            StringAssert.Contains(nuspec, "<readme>README.md</readme>");
            Assert.IsNotNull(zip.GetEntry("README.md"));
            Assert.IsNotNull(zip.GetEntry($"lib/net10.0/{id}.xml"), $"{id} has no documentation");
            if (id == "MLNetLosses.Extensions")
                Assert.IsNotNull(zip.GetEntry("buildTransitive/MLNetLosses.Extensions.targets"));
        }
    }

    private static void WriteProject(string folder, string packages)
    {
        var version = Path.GetFileNameWithoutExtension(Directory.GetFiles(packages, "MLNetLosses.Trainers.*.nupkg").Single())[
            "MLNetLosses.Trainers.".Length..
        ];
        var torch = typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(3);
        var app = Directory.CreateDirectory(Path.Combine(folder, "App")).FullName;
        File.WriteAllText(
            Path.Combine(folder, "nuget.config"),
            $"""
            <configuration>
              <packageSources><add key="MLNetLosses" value="{packages}" /></packageSources>
              <fallbackPackageFolders><add key="cache" value="{GlobalPackages()}" /></fallbackPackageFolders>
              <config><add key="globalPackagesFolder" value="{Path.Combine(folder, "restored")}" /></config>
            </configuration>
            """
        );
        File.WriteAllText(
            Path.Combine(app, "App.csproj"),
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <UseCurrentRuntimeIdentifier>true</UseCurrentRuntimeIdentifier>
                <SelfContained>false</SelfContained>
                <CreateHardLinksForCopyFilesToOutputDirectoryIfPossible>true</CreateHardLinksForCopyFilesToOutputDirectoryIfPossible>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="MLNetLosses.Trainers" Version="{version}" />
                <PackageReference Include="TorchSharp-cpu" Version="{torch}" />
              </ItemGroup>
            </Project>
            """
        );
        File.WriteAllText(
            Path.Combine(app, "Program.cs"),
            """
            using Microsoft.ML;
            using MLNetLosses;
            using MLNetLosses.Losses;
            using MLNetLosses.Networks;
            using SkiaSharp;

            var images = new List<Row>();
            foreach (var (name, color) in new[] { ("red", SKColors.Red), ("blue", SKColors.Blue) })
                for (var i = 0; i < 4; i++)
                {
                    using var bitmap = new SKBitmap(16, 16);
                    bitmap.Erase(color.WithAlpha((byte)(255 - 10 * i)));
                    var path = Path.GetFullPath($"{name}{i}.png");
                    using (var file = File.Create(path))
                        bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
                    images.Add(new Row { Image = path, Label = name });
                }
            var mlContext = new MLContext(seed: 1);
            var data = mlContext.Data.LoadFromEnumerable(images);
            string Scores(ITransformer model) =>
                string.Join(" ", mlContext.Data.CreateEnumerable<Scored>(model.Transform(data), false).SelectMany(row => row.Score).Select(score => score.ToString("R")));
            if (args[0] == "train")
            {
                var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
                    .Append(mlContext.MulticlassClassification.Trainers.ImageClassification(new()
                    {
                        Loss = new CrossEntropyLoss { LabelSmoothing = 0.1 } + 0.5 * new FocalLoss { Gamma = 2 },
                        Backbone = Backbone.ResNet20Cifar,
                        ImageSize = 16,
                        BatchSize = 4,
                        Epoch = 1,
                    }));
                var model = pipeline.Fit(data);
                mlContext.Model.Save(model, data.Schema, "model.zip");
                File.WriteAllText("scores.txt", Scores(model));
                Console.WriteLine($"trained {model.LastTransformer.Summary.Steps} steps");
            }
            else
                Console.WriteLine(Scores(mlContext.Model.Load("model.zip", out _)) == File.ReadAllText("scores.txt") ? "same scores" : "OTHER SCORES");

            class Row { public string Image { get; set; } = ""; public string Label { get; set; } = ""; }
            class Scored { public float[] Score { get; set; } = []; }
            """
        );
    }

    private static string Dotnet(string folder, string arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What the test host sets for itself would mislead the inner build.
        foreach (var variable in new[] { "MSBuildSDKsPath", "MSBUILD_EXE_PATH", "MSBuildExtensionsPath", "VSTEST_HOST_DEBUG" })
            start.Environment.Remove(variable);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, $"dotnet {arguments}:\n{output}\n{errors.Result}");
        return output;
    }

    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "MLNetLosses.sln")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("The tests do not run inside the repository.");
        return folder.FullName;
    }

    private static string GlobalPackages() =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private static string NativeLibraryInTheCache()
    {
        var version = typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(3);
        return Directory
            .EnumerateFiles(
                Path.Combine(GlobalPackages(), "torchsharp", version, "runtimes"),
                "*LibTorchSharp.*",
                SearchOption.AllDirectories
            )
            .First(file => !OperatingSystem.IsLinux() || file.EndsWith(".so", StringComparison.Ordinal));
    }
}
