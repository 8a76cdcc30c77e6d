namespace MLNetLosses.Training;

/// <summary>The look of a report: one column at 400 pixels, three at 1400; light or dark as the reader's system is.</summary>
internal static class ReportStyle
{
    public const int Colors = 8;

    public const string Css = """
        :root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--ink:#1c2330;--soft:#5b6675;--line:#d9dee5;--accent:#1f6feb;--warn:#b35900;--warnground:#fff4e5;--good:#1a7f37;
        --c0:#1f6feb;--c1:#d9480f;--c2:#2b8a3e;--c3:#862e9c;--c4:#0b7285;--c5:#c2255c;--c6:#8d6708;--c7:#495057}
        @media (prefers-color-scheme:dark){:root{--ground:#11151c;--card:#1a2029;--ink:#e6eaf0;--soft:#9aa6b5;--line:#2e3744;--accent:#6ea8fe;--warn:#ffb866;--warnground:#33260f;--good:#6fdc8c;
        --c0:#6ea8fe;--c1:#ff9b71;--c2:#69db7c;--c3:#d0a2f7;--c4:#66d9e8;--c5:#faa2c1;--c6:#ffd43b;--c7:#adb5bd}}
        *{box-sizing:border-box}
        body{margin:0 auto;max-width:1500px;padding:16px;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
        h1{font-size:1.6em;margin:.2em 0}h2{font-size:1.2em;margin:0 0 .5em}h3{font-size:1em;margin:0 0 .3em}
        section{margin:28px 0}
        p{margin:.3em 0}
        .soft{color:var(--soft)}
        .grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:16px}
        .card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px;min-width:0}
        .facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px}
        .facts .card b{display:block;font-size:1.25em}
        .finding{border-left:4px solid var(--warn);background:var(--warnground);padding:10px 14px;border-radius:6px;margin:8px 0}
        .finding.over{border-left-color:var(--line);background:var(--card)}
        .fine{border-left:4px solid var(--good);background:var(--card);padding:10px 14px;border-radius:6px}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;width:100%;overflow-wrap:normal;font-size:.92em;font-variant-numeric:tabular-nums}
        th,td{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
        th{color:var(--soft);font-weight:600}
        table.numbers td:not(:first-child),table.numbers th:not(:first-child){text-align:right;padding:4px 0 4px 14px;overflow-wrap:normal;white-space:nowrap}
        table.numbers td:first-child{white-space:nowrap}
        table.pairs td{overflow-wrap:anywhere;min-width:8em}table.pairs td:first-child{color:var(--soft);width:1%;overflow-wrap:normal}
        @media (min-width:700px){table.pairs td:first-child{white-space:nowrap}}
        @media (max-width:699px){table.stack tr{display:block;border-bottom:1px solid var(--line);padding:3px 0}table.stack td{display:block;border:0;padding:0}table.stack td:first-child{width:auto}}
        td.differs{font-weight:600}
        pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px;overflow-x:auto;font-size:.88em;white-space:pre-wrap}
        details summary{cursor:pointer;font-weight:600;margin:.4em 0}
        svg{display:block;width:100%;height:auto}
        svg text{fill:var(--soft);font-size:12.5px;font-family:inherit}
        svg .axis{stroke:var(--line);fill:none}
        svg .series{fill:none;stroke-width:2;stroke-linejoin:round}
        svg .faint{stroke-width:1;opacity:.4}
        .legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:.86em;margin-top:4px}
        .legend i{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:5px;vertical-align:middle}
        .legend .dashed{width:18px;-webkit-mask:repeating-linear-gradient(90deg,#000 0 5px,transparent 5px 8px);mask:repeating-linear-gradient(90deg,#000 0 5px,transparent 5px 8px)}
        .legend .area{width:14px;height:14px;border:1px solid var(--line)}
        .rows{display:grid;grid-template-columns:repeat(auto-fill,minmax(124px,1fr));gap:10px}
        @media (max-width:500px){.rows{grid-template-columns:repeat(auto-fill,minmax(104px,1fr))}}
        .rows figure{margin:0;font-size:.8em;line-height:1.35}
        .rows img{width:100%;max-width:140px;image-rendering:auto;border-radius:4px;border:1px solid var(--line);display:block}
        .pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:14px}
        .pictures figure{margin:0}.pictures img{width:100%;border-radius:6px}
        """;
}
