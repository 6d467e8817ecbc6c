/** Elements of a widget, made so that JupyterLab leaves the keys that are pressed on them alone. */

/** An element. JupyterLab takes keys as commands (d d deletes the cell) unless the very element that has
 *  the focus says otherwise. */
export function create(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (tag === "button") made.type = tag;
  if (/button|input|select|summary/.test(tag) || attributes.tabindex) made.setAttribute("data-lm-suppress-shortcuts", "");
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
