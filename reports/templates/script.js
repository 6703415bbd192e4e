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

  /* A search box narrows its rows and says how many are left; `after` lets what stands around them follow. */
  var boxes = [];
  var narrow = function (box, shown, selector, after) {
    if (!box) { return; }
    var filter = function () {
      var wanted = box.value.trim().toLowerCase();
      var rows = all(selector);
      rows.forEach(function (row) { row.hidden = row.textContent.toLowerCase().indexOf(wanted) < 0; });
      after(rows, wanted);
      shown.textContent = rows.filter(function (row) { return !row.hidden; }).length + " of " + rows.length + " shown";
    };
    box.addEventListener("input", filter);
    boxes.push({ box: box, filter: filter });
  };
  var byId = function (id) { return document.getElementById(id); };
  /* With each check the heading of its group and its section; what is looked for is not left folded away. */
  narrow(byId("find"), byId("found"), "#checks tr[id]", function (rows, wanted) {
    var follow = function (one) { one.hidden = !one.querySelector("tr[id]:not([hidden])"); };
    all("#checks tbody").forEach(follow);
    all("#checks details").forEach(function (fold) {
      follow(fold);
      if (wanted && !fold.hidden) { fold.open = true; }
    });
  });
  /* With each line of the table the anomalies that it stands for. */
  narrow(byId("filter"), byId("shown"), "#list tbody tr", function (rows) {
    rows.forEach(function (row) {
      row.getAttribute("data-a").split(" ").forEach(function (id) {
        var anomaly = byId(id);
        if (anomaly) { anomaly.hidden = row.hidden; }
      });
    });
  });

  /* Hash routes: open whatever folds the target away, then go there. */
  var route = function () {
    var target = byId(decodeURIComponent(location.hash.slice(1)));
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
      boxes.forEach(function (one) { one.box.value = ""; one.filter(); one.box.blur(); });
    } else if (event.target.matches && event.target.matches("input")) {
      return;
    } else if (event.key === "j") { step(1); } else if (event.key === "k") { step(-1); } else if (event.key === "/" && boxes.length) {
      event.preventDefault();
      boxes[0].box.focus();
    } else if (event.key === "Enter" && event.target.matches && event.target.matches("g[data-h]")) { hold(event.target); }
  });

  /* Paper has no folds. */
  addEventListener("beforeprint", function () { all("details").forEach(function (one) { one.open = true; }); });
})();
