// Web vitals of each page (https://web.dev/articles/vitals), told through the binding `goliveVitals`:
// ttfb, fcp, lcp, inp in ms, cls without a unit. INP is the longest interaction of the visit.
(() => {
  if (window.top !== window || !window.goliveVitals) return;
  const vitals = { url: location.href.slice(0, 2000) };
  let timer = 0;
  const tell = () => {
    clearTimeout(timer);
    timer = setTimeout(() => window.goliveVitals(JSON.stringify(vitals)), 50);
  };
  const observe = (type, take, options = {}) => {
    try {
      new PerformanceObserver((list) => { list.getEntries().forEach(take); tell(); })
        .observe({ type, buffered: true, ...options });
    } catch { /* this browser does not measure it */ }
  };
  observe("navigation", (entry) => { vitals.ttfb = entry.responseStart; });
  observe("paint", (entry) => {
    if (entry.name === "first-contentful-paint") vitals.fcp = entry.startTime;
  });
  observe("largest-contentful-paint", (entry) => { vitals.lcp = entry.startTime; });
  observe("layout-shift", (entry) => {
    if (!entry.hadRecentInput) vitals.cls = (vitals.cls || 0) + entry.value;
  });
  observe("event", (entry) => {
    if (entry.interactionId) vitals.inp = Math.max(vitals.inp || 0, entry.duration);
  }, { durationThreshold: 40 });
})();
