using System.Diagnostics;
using System.Reflection;

namespace MLNetLosses.UnitTests;

/// <summary>
/// Runs a static method of this assembly, <c>int Method(string[] arguments)</c>, in a process of its own: what must work where nothing was
/// set up before, or must survive being killed.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process process;
    private readonly Task<string> errors;

    private ChildProcess(Process process)
    {
        this.process = process;
        errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts it.</summary>
    public static ChildProcess Start(Func<string[], int> method, params string[] arguments) =>
        Start(method, compilesOnce: false, arguments);

    private static ChildProcess Start(Func<string[], int> method, bool compilesOnce, string[] arguments) =>
        StartProgram(
            typeof(ChildProcess).Assembly.Location,
            compilesOnce,
            [method.Method.DeclaringType!.FullName!, method.Method.Name, .. arguments]
        );

    /// <summary>Starts another program.</summary>
    /// <param name="assembly">The path of its assembly.</param>
    /// <param name="arguments">Its command line.</param>
    public static ChildProcess StartProgram(string assembly, params string[] arguments) =>
        StartProgram(assembly, compilesOnce: false, arguments);

    private static ChildProcess StartProgram(string assembly, bool compilesOnce, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", assembly, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (compilesOnce)
            start.Environment["DOTNET_TieredCompilation"] = "0";
        return new(Process.Start(start)!);
    }

    /// <summary>Runs it to its end; its output when it returns 0.</summary>
    /// <exception cref="InvalidOperationException">It returned something else; with what it wrote.</exception>
    public static string Run(Func<string[], int> method, params string[] arguments) => Run(Start(method, arguments));

    /// <summary>The same, with code that is compiled when it is first called and never again: for measuring memory.</summary>
    /// <inheritdoc cref="Run(Func{string[], int}, string[])" path="/exception"/>
    public static string RunCompiledOnce(Func<string[], int> method) => Run(Start(method, compilesOnce: true, []));

    private static string Run(ChildProcess started)
    {
        using var child = started;
        var (code, text, problems) = child.Wait();
        return code == 0 ? text : throw new InvalidOperationException($"The child process returned {code}.\n{text}\n{problems}");
    }

    /// <summary>Waits for a line of its output; null when it has ended.</summary>
    public string? ReadLine() => process.StandardOutput.ReadLine();

    /// <summary>Waits until it ends; with what it wrote and nobody has read yet.</summary>
    public (int Code, string Output, string Errors) Wait()
    {
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    /// <summary>Ends it at once, as the power going off would.</summary>
    public void Kill() => process.Kill();

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }

    /// <summary>The entry point of such a process.</summary>
    private static int Main(string[] arguments)
    {
        if (arguments.Length < 2)
        {
            Console.Error.WriteLine("This is a test project: run it with 'dotnet test'.");
            return 2;
        }
        var method = typeof(ChildProcess)
            .Assembly.GetType(arguments[0], throwOnError: true)!
            .GetMethod(arguments[1], BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!;
        return method.CreateDelegate<Func<string[], int>>()(arguments[2..]);
    }
}
