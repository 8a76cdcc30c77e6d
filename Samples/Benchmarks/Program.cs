using System.CommandLine;
using System.Text.Json;
using MLNetLosses.Benchmarks;
using MLNetLosses.Networks;

// Ours against PyTorch, in pairs, in one run on one machine. Every figure is a median; ratios are what to quote.
Option<string?> python = new("--python")
{
    Description = "An interpreter with torch and torchvision; without it our side alone is measured, losses against the plain formula.",
};
Option<string> scripts = new("--baselines")
{
    Description = "The folder with the PyTorch scripts.",
    DefaultValueFactory = _ => Path.Combine("..", "shared", "baselines"),
};
Option<string?> peers = new("--peers") { Description = "The folder with checkouts of MONAI, kornia, segmentation_models.pytorch, ..." };
Option<string?> blas = new("--blas") { Description = "A folder whose BLAS PyTorch shall use instead of the reference BLAS." };
Option<int> threads = new("--threads") { Description = "Threads of both sides.", DefaultValueFactory = _ => Environment.ProcessorCount };
Option<int> rounds = new("--rounds") { Description = "How often both sides take their turn.", DefaultValueFactory = _ => 3 };
Option<string> only = new("--only") { Description = "Only rows that contain this text.", DefaultValueFactory = _ => "" };

PeerScript? Peer(ParseResult parsed) =>
    parsed.GetValue(python) is { } interpreter
        ? new(interpreter, parsed.GetValue(scripts)!, parsed.GetValue(peers), parsed.GetValue(blas), parsed.GetValue(threads))
        : null;

var growth = new Command("growth", "How the cost of losses grows with pixels, pairs, classes and boxes, against the theory.")
{
    threads,
    only,
};
growth.SetAction(parsed => GrowthTable.Run(parsed.GetValue(only)!, parsed.GetValue(threads)));

Option<PixelForm> form = new("--form");
var memory = new Command("memory", "The peak memory of every loss on pixels, in every form of targets that it takes.") { threads, only };
memory.SetAction(parsed => MemoryTable.Run(parsed.GetValue(only)!, parsed.GetValue(threads)));
var memoryRun = new Command("memory-run") { threads, only, form };
memoryRun.Hidden = true;
memoryRun.SetAction(parsed => MemoryTable.Measure(parsed.GetValue(only)!, parsed.GetValue(form), parsed.GetValue(threads)));

Option<int> images = new("--images") { Description = "Images.", DefaultValueFactory = _ => 5000 };
var cocoMetrics = new Command("coco-metrics", "COCO's metrics on made-up detections: 80 classes, 100 detections an image.") { images };
cocoMetrics.SetAction(parsed => CocoMetricsTiming.Run(parsed.GetValue(images)));

Option<string> data = new("--data")
{
    Description = "A folder with train/ and val/, each with a folder a class.",
    DefaultValueFactory = _ => Path.Combine("..", "shared", "data", "cifar10"),
};
Option<string> model = new("--model") { Description = "resnet20 or resnet18.", DefaultValueFactory = _ => "resnet20" };
Option<int> size = new("--image-size") { Description = "Pixels.", DefaultValueFactory = _ => 32 };
Option<int> epochs = new("--epochs") { Description = "Epochs of each run; the first warms up.", DefaultValueFactory = _ => 2 };
Option<int> batch = new("--batch-size") { Description = "Images a step.", DefaultValueFactory = _ => 64 };
Option<int> seed = new("--seed") { DefaultValueFactory = _ => 1 };

var classifier = new Command("classifier", "Training and scoring of an image classifier, from files.")
{
    python,
    scripts,
    peers,
    blas,
    threads,
    rounds,
    data,
    model,
    size,
    epochs,
    batch,
};
classifier.SetAction(parsed =>
    ClassifierComparison.Run(
        Peer(parsed),
        parsed.GetValue(data)!,
        parsed.GetValue(model)!,
        parsed.GetValue(size),
        parsed.GetValue(epochs),
        parsed.GetValue(batch),
        parsed.GetValue(rounds),
        parsed.GetValue(threads)
    )
);

Backbone Network(ParseResult parsed) => parsed.GetValue(model) == "resnet18" ? Backbone.ResNet18 : Backbone.ResNet20Cifar;

Option<double> share = new("--share") { Description = "The share of wrong labels.", DefaultValueFactory = _ => 0.05 };
Option<string?> reports = new("--output") { Description = "A folder for log and report." };
var labelNoise = new Command(
    "label-noise",
    "Whether the loss of a row finds wrong labels: gives some images a wrong class, and states the AUC."
)
{
    data,
    model,
    size,
    epochs,
    batch,
    seed,
    share,
    threads,
    reports,
};
labelNoise.SetAction(parsed =>
    LabelNoise.Run(
        parsed.GetValue(data)!,
        Network(parsed),
        parsed.GetValue(size),
        parsed.GetValue(epochs),
        parsed.GetValue(batch),
        parsed.GetValue(seed),
        parsed.GetValue(share),
        parsed.GetValue(threads),
        parsed.GetValue(reports)
    )
);

// The process that the command classifier measures.
var run = new Command("classifier-run") { data, model, size, epochs, batch, seed, threads };
run.Hidden = true;
run.SetAction(parsed =>
    Console.WriteLine(
        JsonSerializer.Serialize(
            ClassifierRun.Measure(
                parsed.GetValue(data)!,
                Enum.Parse<Backbone>(parsed.GetValue(model)!),
                parsed.GetValue(size),
                parsed.GetValue(epochs),
                parsed.GetValue(batch),
                parsed.GetValue(seed),
                parsed.GetValue(threads)
            )
        )
    )
);

Option<string> boxes = new("--data")
{
    Description = "Annotated images with a part to train on and one to validate on.",
    DefaultValueFactory = _ => Path.Combine("..", "shared", "data", "bccd"),
};
Option<string> test = new("--test") { Description = "Annotated images to test on.", DefaultValueFactory = _ => "" };
Option<string> classificationLoss = new("--loss") { Description = "The loss on classes.", DefaultValueFactory = _ => "SigmoidFocal()" };
Option<string> boxLoss = new("--box-loss") { Description = "The loss on boxes.", DefaultValueFactory = _ => "MeanAbsoluteError()" };
Option<string> peerLoss = new("--peer-loss")
{
    Description = "The loss on boxes by the name that the script has for it: l1, smooth_l1, giou, diou or ciou.",
    DefaultValueFactory = _ => "l1",
};
Option<int> side = new("--image-size") { Description = "The shorter side in pixels.", DefaultValueFactory = _ => 320 };
Option<int> passes = new("--epochs") { Description = "Epochs of each run.", DefaultValueFactory = _ => 12 };
Option<int> few = new("--batch-size") { Description = "Images a step.", DefaultValueFactory = _ => 4 };
Option<int> seeds = new("--seeds") { Description = "Trainings of each row, seeds 1, 2, ...", DefaultValueFactory = _ => 3 };
Option<string> output = new("--output")
{
    Description = "The folder of the plot.",
    DefaultValueFactory = _ => Path.Combine("output", "Benchmarks"),
};

DetectorRun.Setting Detector(ParseResult parsed) =>
    new(
        parsed.GetValue(boxes)!,
        parsed.GetValue(test)!,
        parsed.GetValue(classificationLoss) ?? "SigmoidFocal()",
        parsed.GetValue(boxLoss) ?? "MeanAbsoluteError()",
        parsed.GetValue(side),
        parsed.GetValue(passes),
        parsed.GetValue(few),
        parsed.GetValue(seed),
        parsed.GetValue(threads)
    );

var detector = new Command(
    "detection",
    "Training and scoring of an object detector, from files: RetinaNet with the recipe of detection.py."
)
{
    python,
    scripts,
    peers,
    blas,
    threads,
    rounds,
    boxes,
    test,
    peerLoss,
    side,
    passes,
    few,
};
detector.SetAction(parsed => DetectorComparison.Run(Peer(parsed), Detector(parsed), parsed.GetValue(peerLoss)!, parsed.GetValue(rounds)));
var boxLosses = new Command("box-losses", "One detector with other losses: table and plot.")
{
    boxes,
    test,
    side,
    passes,
    few,
    seeds,
    threads,
    only,
    output,
};
boxLosses.SetAction(parsed =>
    DetectorLossTable.Run(Detector(parsed), parsed.GetValue(only)!, parsed.GetValue(seeds), parsed.GetValue(output)!)
);
var detectorRun = new Command("detector-run") { boxes, test, classificationLoss, boxLoss, side, passes, few, seed, threads };
detectorRun.Hidden = true;
detectorRun.SetAction(parsed => Console.WriteLine(JsonSerializer.Serialize(DetectorRun.Measure(Detector(parsed)))));

return new RootCommand("Benchmarks: ours against PyTorch, in pairs, in one run.")
{
    SegmentationCommands.Comparison([python, scripts, peers, blas], rounds, threads, Peer),
    SegmentationCommands.RareClassTable(threads, only),
    SegmentationCommands.OneRun(threads),
    LossCommands.Comparison([python, scripts, peers, blas], threads, rounds, only, Peer),
    growth,
    memory,
    memoryRun,
    cocoMetrics,
    classifier,
    MonitoringCommands.Overhead(epochs, rounds, threads, model, Network),
    labelNoise,
    run,
    detector,
    boxLosses,
    detectorRun,
}
    .Parse(args)
    .Invoke();
