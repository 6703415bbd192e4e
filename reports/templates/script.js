(function () {
  "use strict";
  var all = function (selector, from) { return Array.from((from || document).querySelectorAll(selector)); };
  document.documentElement.classList.remove("plain");

  /* Copy the command; where the clipboard is closed to local files, select the text instead. */
  all("button.copy").forEach(function (button) {
    button.addEventListener("click", function () {
      var code = button.parentElement.querySelector("code");
      var done = function (word) {
        button.textContent = word;
        setTimeout(function () { button.textContent = "Copy"; }, 1500);
      };
      var select = function () { getSelection().selectAllChildren(code); done("Selected"); };
      if (navigator.clipboard) {
        navigator.clipboard.writeText(code.textContent).then(function () { done("Copied"); }, select);
      } else { select(); }
    });
  });

  /* Trace. data-h: the tokens that light up from here; data-k: the tokens that an element answers to. */
  var held = null;
  var unlight = function () {
    all(".tracing").forEach(function (scope) { scope.classList.remove("tracing"); });
    all(".hot").forEach(function (one) { one.classList.remove("hot"); });
  };
  var light = function (source) {
    unlight();
    if (!source) { return; }
    var scope = source.closest(".a");
    var tokens = source.getAttribute("data-h").split(" ");
    if (!scope) { return; }
    scope.classList.add("tracing");
    all("[data-k]", scope).forEach(function (one) {
      var own = one.getAttribute("data-k").split(" ");
      if (own.some(function (token) { return tokens.indexOf(token) >= 0; })) { one.classList.add("hot"); }
    });
  };
  var source = function (event) { return event.target.closest ? event.target.closest("[data-h]") : null; };
  ["pointerover", "focusin"].forEach(function (name) {
    document.addEventListener(name, function (event) { if (!held) { light(source(event)); } });
  });
  var hold = function (one) { held = held === one ? null : one; light(held); };
  document.addEventListener("click", function (event) {
    var one = source(event);
    if (one || held) { hold(one); }
  });

  /* Filter the table of anomalies, and with each line the anomalies it stands for. */
  var box = document.getElementById("filter");
  var shown = document.getElementById("shown");
  var filter = function () {
    if (!box) { return; }
    var wanted = box.value.trim().toLowerCase();
    var rows = all("#list tbody tr");
    var count = 0;
    rows.forEach(function (row) {
      row.hidden = row.textContent.toLowerCase().indexOf(wanted) < 0;
      count += row.hidden ? 0 : 1;
      row.getAttribute("data-a").split(" ").forEach(function (id) {
        var anomaly = document.getElementById(id);
        if (anomaly) { anomaly.hidden = row.hidden; }
      });
    });
    shown.textContent = count + " of " + rows.length + " shown";
  };
  if (box) { box.addEventListener("input", filter); }

  /* Hash routes: open whatever folds the target away, then go there. */
  var route = function () {
    var target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) { return; }
    for (var fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) { fold.open = true; }
    target.scrollIntoView();
    if (target.matches("details")) { target.querySelector("summary").focus({ preventScroll: true }); }
  };
  addEventListener("hashchange", route);
  if (location.hash) { route(); }

  /* Keys: j and k go through the anomalies, / to the filter, Esc clears. */
  var step = function (by) {
    var list = all("details.a").filter(function (one) { return !one.hidden; });
    var at = list.map(function (one) { return "#" + one.id; }).indexOf(location.hash);
    var next = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.max(0, Math.min(list.length - 1, at + by));
    if (!list[next]) { return; }
    /* Not by location.hash: the browser would follow in its own time, and walking is no place to go back to. */
    history.replaceState(null, "", "#" + list[next].id);
    route();
  };
  addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (event.key === "Escape") {
      held = null;
      unlight();
      if (box) { box.value = ""; filter(); box.blur(); }
    } else if (event.target.matches && event.target.matches("input")) {
      return;
    } else if (event.key === "j") { step(1); } else if (event.key === "k") { step(-1); } else if (event.key === "/" && box) {
      event.preventDefault();
      box.focus();
    } else if (event.key === "Enter" && event.target.matches && event.target.matches("g[data-h]")) { hold(event.target); }
  });

  /* Paper has no folds. */
  addEventListener("beforeprint", function () { all("details").forEach(function (one) { one.open = true; }); });
})();
