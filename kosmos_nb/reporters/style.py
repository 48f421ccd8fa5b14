"""The one style sheet of all views: HTML and live widgets alike, scoped by `.kosmos-view`.

Background, ink and lines follow JupyterLab's theme where there is one. The colours that mean
something are our own, one set for light and one for dark, each at least 4.5 : 1 on its ground.
Dark is chosen by what the host says of itself (JupyterLab, VS Code, Colab) and only where no
host speaks by the reader's system. The rules are nested three classes deep because JupyterLab
styles every table in an output and would win otherwise. On paper it is always light.
"""

import re

_TOKENS = """
.kosmos-view{color-scheme:light;--k-bg:var(--jp-layout-color1,light-dark(#fff,#111418));
--k-ink:var(--jp-ui-font-color1,light-dark(#1f2328,#e6edf3));
--k-line:var(--jp-border-color2,light-dark(#d1d9e0,#343b43));
--k-pane:var(--jp-layout-color2,light-dark(#f3f5f7,#1a1f26));--k-soft:light-dark(#57606a,#a9b1ba);
--k-cpu:light-dark(#0969da,#58a6ff);--k-wait:light-dark(#9a6700,#e3b341);--k-bad:light-dark(#c11f29,#ff8f86);
--k-ok:light-dark(#18752f,#56d364);--k-mid:light-dark(#8a5a00,#e3b341)}
@media screen{
[data-jp-theme-light=false] .kosmos-view,.vscode-dark .kosmos-view,
[theme=dark] .kosmos-view{color-scheme:dark}}
@media screen and (prefers-color-scheme:dark){
body:not([data-jp-theme-light],[data-vscode-theme-kind]) .kosmos-view{color-scheme:dark}}
"""

_BASE = """
.kosmos-view.kosmos-view.kosmos-view{
  background:var(--k-bg);color:var(--k-ink);border:1px solid var(--k-line);border-radius:6px;
  max-width:940px;margin:2px 0;overflow:hidden;container-type:inline-size;
  font:13px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);text-align:left;
  & *{box-sizing:border-box}
  & h3,& h4,& p,& ul,& table,& details{margin:0;padding:0;font:inherit;color:inherit}
  & h3{font-size:15px;font-weight:600;line-height:1.3;overflow-wrap:anywhere}
  & .k-top{display:flex;flex-wrap:wrap;gap:8px 22px;align-items:flex-start;padding:11px 14px}
  & .k-title{flex:1 1 260px;min-width:0}
  & .k-big b{display:block;font-size:19px;font-weight:600;line-height:1.15;white-space:nowrap}
  & .k-soft,& .k-big span,& .k-foot,& .k-legend,& summary{color:var(--k-soft)}
  & .k-big span,& .k-foot,& .k-legend,& .k-why{font-size:12px}
  & p,& ul.k-notes,& .k-legend{padding:7px 14px;border-top:1px solid var(--k-line);overflow-wrap:anywhere}
  & p+p{border-top:0;padding-top:0}
  & .k-title p{border:0;padding:0}
  & ul.k-notes{list-style:none;font-size:12px}
  & details{border-top:1px solid var(--k-line)}
  & summary{padding:6px 14px;cursor:pointer}
  & h4{padding:6px 14px;color:var(--k-soft);border-top:1px solid var(--k-line)}
  & code,& .k-src{font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:12px;
    background:none;color:inherit;padding:0}
  & table{border-collapse:collapse;width:100%;table-layout:auto;font-size:12.5px;border:0;display:table}
  & td,& th{padding:4px 8px;text-align:left;border:0;border-top:1px solid var(--k-line);vertical-align:middle;
    font-weight:400;background:none;line-height:1.4;max-width:none;white-space:normal}
  & tr,& thead,& tbody{background:none;border:0}
  & th{color:var(--k-soft)}
  & tr>:first-child{padding-left:14px}
  & tr>:last-child{padding-right:14px}
  & .k-n,& .k-b,& .k-l td{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
  & td.k-src,& td.k-v{text-align:left}
  & .k-src,& td.k-src{white-space:pre-wrap;overflow-wrap:anywhere;min-width:12em}
  & .k-foot{padding:7px 14px;border-top:1px solid var(--k-line);display:flex;flex-wrap:wrap;gap:2px 16px;
    justify-content:space-between}
  & svg{display:inline-block;vertical-align:middle;max-width:none;overflow:visible}
  & .k-cpu{color:var(--k-cpu);fill:currentColor}
  & .k-wait{color:var(--k-wait);fill:currentColor;fill-opacity:.2;stroke:currentColor}
  & .k-b rect.k-wait{y:.5px;height:9px}
  & .k-lock{color:var(--k-bad);fill:none;stroke:currentColor;stroke-width:10;stroke-dasharray:2}
  & .k-await{color:var(--k-wait);fill:none;stroke:currentColor;stroke-width:3}
  & .k-bad{color:var(--k-bad)}
  & .k-ok{color:var(--k-ok)}
  & .k-mid{color:var(--k-mid)}
  & .k-no,& .k-off,& .k-run{color:var(--k-soft)}
  & .k-v{font-weight:600;white-space:nowrap}
"""

_PROFILE = """
  & .k-b span{display:inline-block;min-width:7.2em}
  & .k-l td{padding-top:2px;padding-bottom:2px;border:0}
  & .k-none,& .k-gap{color:var(--k-soft)}
  & .k-gap{font-size:11.5px;padding-top:1px;padding-bottom:1px}
  & .k-note{font-size:12px;border:0;color:var(--k-soft)}
  & tbody .k-l:first-child{border-top:1px solid var(--k-line)}
  & .k-facts td{padding-top:1px;padding-bottom:1px;border:0}
  @container (min-width:561px){& .k-l td:not(.k-src),& .k-facts td:first-child{width:1%;white-space:nowrap}}
  @container (max-width:760px){& .k-l td[data-k='off CPU']{white-space:normal;min-width:8em}}
  @container (max-width:560px){
    & tr.k-l{display:flex;flex-wrap:wrap;padding:2px 14px}
    & tr.k-l td{border:0;padding:1px 10px 1px 0;width:auto;text-align:left}
    & tr.k-l .k-src{flex:1 1 80%;min-width:0}
    & .k-b span{min-width:0}
    & tr.k-l [data-k]::before{content:attr(data-k) " ";color:var(--k-soft)}
    & tr.k-none td:nth-child(n+3),& tr.k-l td:empty{display:none}
    & thead.k-h{position:absolute;display:block;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
    & .k-title{flex-basis:100%}
  }
"""

_STATIC = """
.kosmos-view.kosmos-view.kosmos-view{
  & .k-icicle{display:block;width:calc(100% - 28px);margin:1px 14px 10px;& svg{overflow:hidden}
    & text{font:11.5px var(--jp-code-font-family,ui-monospace,monospace);fill:var(--k-ink)}
    & rect{fill-opacity:.3}& .k-wait{fill-opacity:.16;stroke:none}}
  & .k-course{padding:3px 14px 9px;font-size:11px;color:var(--k-soft)}
  & .k-strip{display:grid;grid-template-columns:5.2em 4.6em 1fr;gap:0 8px;align-items:center;
    margin-bottom:6px}
  & .k-scale{display:flex;flex-direction:column;justify-content:space-between;height:40px;text-align:right;
    line-height:1.1;& i{font-style:normal}}
  & .k-ends{display:flex;justify-content:space-between;margin-left:calc(9.8em + 16px)}
  @container (max-width:560px){
    & .k-strip{grid-template-columns:4.6em 1fr;& span:first-child{grid-column:1/3}}
    & .k-ends{margin-left:calc(4.6em + 8px)}
  }
  @media print{
    max-width:none;border:0;overflow:visible;print-color-adjust:exact;
    & tr,& svg,& .k-strip{break-inside:avoid}
    & h4,& summary{break-after:avoid}
    & details::details-content{content-visibility:visible;block-size:auto}
  }
"""

_RUN = """
  & tbody th{font-weight:600;color:var(--k-ink);padding-top:9px}
  & thead th{vertical-align:bottom}
  & .k-band{color:var(--k-soft)}
  & .k-axis{display:flex;justify-content:space-between;width:150px;font-size:10.5px;font-weight:400}
  & .k-axis span{width:0;display:flex;justify-content:center;white-space:nowrap}
  & .k-f{width:178px;white-space:nowrap;padding:4px 14px}
  & small{display:block;font-size:11px;color:var(--k-soft);font-variant-numeric:tabular-nums}
  & .k-f small{text-align:center;width:150px}
  & .k-s{overflow-wrap:anywhere;min-width:15em}
  & .k-s small{display:inline}
  & .k-v small{font-weight:400}
  & .k-why{color:var(--k-soft)}
  & .k-why i{font-style:normal;color:var(--k-mid)}
  & td.k-u{white-space:normal;overflow-wrap:anywhere;min-width:8em;max-width:11em}
  @container (max-width:780px){
    & tr.k-r{display:flex;flex-wrap:wrap;border-top:1px solid var(--k-line);padding:5px 14px}
    & tr.k-r td{border:0;padding:1px 12px 1px 0;width:auto;text-align:left}
    & tr.k-r td:empty{display:none}
    & tr.k-r .k-s{flex:1 0 100%;min-width:0}
    & tr.k-r .k-v{flex:0 0 118px}
    & tr.k-r .k-f{flex:0 0 178px}
    & tr.k-r td.k-u{min-width:0;max-width:none}
    & tr.k-r .k-n::before{content:attr(data-k) " ";color:var(--k-soft)}
    & tr.k-r .k-n small{display:inline}
    & thead.k-h{position:absolute;display:block;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
    & .k-title{flex-basis:100%}
  }
"""

_SCREEN = """
  & .k-code{display:inline-block;border:1px solid currentColor;border-radius:9px;padding:0 7px;font-size:11px;
    line-height:1.5;white-space:nowrap;margin:1px 3px 1px 0}
  & td.k-v,& td.k-c{width:1%}
  & .k-r td{vertical-align:baseline}
  & .k-s,& td:first-child{overflow-wrap:anywhere}
  & .k-s{min-width:14em}
  & td.k-n+.k-s{width:42%}
  & b{font-weight:600}
  @container (max-width:560px){
    & tr.k-r{display:flex;flex-wrap:wrap;border-top:1px solid var(--k-line);padding:5px 14px}
    & tr.k-r td{border:0;padding:1px 12px 1px 0;width:auto;text-align:left}
    & tr.k-r td:empty{display:none}
    & tr.k-r .k-s{flex:1 0 100%;min-width:0}
    & tr.k-r [data-k]::before{content:attr(data-k) " ";color:var(--k-soft)}
    & thead.k-h{position:absolute;display:block;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
    & .k-title{flex-basis:100%}
  }
"""


def _minified(css: str) -> str:
    return re.sub(r"\s*([{};])\s*", r"\1", re.sub(r"\s*\n\s*", " ", css)).replace(";}", "}").strip()


PROFILE_CSS = _minified(_TOKENS + _BASE + _PROFILE + "}")
RUN_CSS = _minified(_TOKENS + _BASE + _RUN + "}")
SCREEN_CSS = _minified(_TOKENS + _BASE + _SCREEN + "}")
STATIC_CSS = _minified(_STATIC + "}")  # what only the HTML has: the live views draw these parts themselves
