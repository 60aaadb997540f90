// What Material's colours for mermaid leave out: the words between the parts of an `alt`, and the heads of arrows.
const plain = mermaid.initialize;
mermaid.initialize = (options) =>
  plain({
    ...options,
    themeCSS: `${options.themeCSS}
      .sectionTitle, .sectionTitle > tspan { fill: var(--md-mermaid-label-fg-color); stroke: none; }
      marker path { fill: var(--md-mermaid-edge-color) !important; stroke: var(--md-mermaid-edge-color) !important; }`,
  });
