using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>A headless browser of the Chrome family, spoken to by its DevTools protocol.</summary>
internal sealed class Browser : IDisposable
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"];
    private readonly Process process;
    private readonly string profile;
    private readonly ClientWebSocket socket = new();
    private readonly CancellationTokenSource limit = new(TimeSpan.FromSeconds(90));
    private int number;

    private Browser(string path)
    {
        profile = Directory.CreateTempSubdirectory("browser").FullName;
        process = Process.Start(
            new ProcessStartInfo(path)
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
                ArgumentList =
                {
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--remote-debugging-port=0",
                    $"--user-data-dir={profile}",
                    "about:blank",
                },
            }
        )!;
        string? line;
        while ((line = process.StandardError.ReadLine()) is not null)
            if (Regex.Match(line, @"DevTools listening on ws://([^/]+)/") is { Success: true } match)
            {
                // A full pipe would stop it.
                _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null, limit.Token);
                _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, limit.Token);
                using var client = new HttpClient();
                var pages = JsonNode
                    .Parse(client.GetStringAsync($"http://{match.Groups[1].Value}/json/list").GetAwaiter().GetResult())!
                    .AsArray();
                var page = pages.First(p => (string)p!["type"]! == "page")!;
                socket.ConnectAsync(new((string)page["webSocketDebuggerUrl"]!), limit.Token).GetAwaiter().GetResult();
                return;
            }
        throw new InvalidOperationException("The browser did not start.");
    }

    /// <summary>What the console and the page's log said.</summary>
    public List<string> Messages { get; } = [];

    /// <summary>Null where there is no browser on the PATH.</summary>
    public static Browser? Start()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        var found = folders
            .SelectMany(folder => Names.Select(name => Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name)))
            .FirstOrDefault(File.Exists);
        return found is null ? null : new(found);
    }

    /// <summary>Opens a file in a window of a width, and waits until it is there.</summary>
    public void Open(string file, int width, bool dark)
    {
        Call("Log.enable");
        Call("Runtime.enable");
        Call("Page.enable");
        Call(
            "Emulation.setDeviceMetricsOverride",
            new()
            {
                ["width"] = width,
                ["height"] = 900,
                ["deviceScaleFactor"] = 1,
                ["mobile"] = false,
            }
        );
        Call(
            "Emulation.setEmulatedMedia",
            new()
            {
                ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" }),
            }
        );
        Call("Page.navigate", new() { ["url"] = new Uri(file).AbsoluteUri });
        while ((string?)Receive()["method"] != "Page.loadEventFired") { }
    }

    /// <summary>The value of an expression of JavaScript.</summary>
    public JsonNode? Evaluate(string expression)
    {
        var result = Call("Runtime.evaluate", new() { ["expression"] = expression, ["returnByValue"] = true });
        return result["exceptionDetails"] is { } error
            ? throw new InvalidOperationException(error.ToJsonString())
            : result["result"]!["value"];
    }

    /// <summary>A picture of the whole page.</summary>
    public byte[] Screenshot() =>
        Convert.FromBase64String((string)Call("Page.captureScreenshot", new() { ["captureBeyondViewport"] = true })["data"]!);

    public void Dispose()
    {
        socket.Dispose();
        limit.Dispose();
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
        try
        {
            Directory.Delete(profile, recursive: true);
        }
        catch (IOException)
        {
            // a helper of the browser still writes; the folder is temporary
        }
    }

    private JsonObject Call(string method, JsonObject? parameters = null)
    {
        var id = ++number;
        var message = new JsonObject
        {
            ["id"] = id,
            ["method"] = method,
            ["params"] = parameters ?? [],
        };
        socket
            .SendAsync(Encoding.UTF8.GetBytes(message.ToJsonString()), WebSocketMessageType.Text, true, limit.Token)
            .GetAwaiter()
            .GetResult();
        while (true)
            if (Receive() is var answer && (int?)answer["id"] == id)
                return answer["result"] as JsonObject ?? throw new InvalidOperationException(answer.ToJsonString());
    }

    private JsonObject Receive()
    {
        using var whole = new MemoryStream();
        var buffer = new byte[1 << 16];
        ValueWebSocketReceiveResult part;
        do
        {
            part = socket.ReceiveAsync(buffer.AsMemory(), limit.Token).AsTask().GetAwaiter().GetResult();
            whole.Write(buffer, 0, part.Count);
        } while (!part.EndOfMessage);
        var message = JsonNode.Parse(whole.ToArray())!.AsObject();
        if ((string?)message["method"] is "Log.entryAdded" or "Runtime.exceptionThrown" or "Runtime.consoleAPICalled")
            Messages.Add(message["params"]!.ToJsonString());
        return message;
    }
}
