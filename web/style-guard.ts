// Lets libraries set styles under a Content-Security-Policy without 'unsafe-inline'. xterm.js writes its theme into <style>
// elements and some colours into style attributes; both are refused by the policy, while the object model is allowed.
// So the text of such an element goes into a constructed style sheet, and such an attribute into `element.style`.
// Called once, before anything is drawn.

export function installStyleGuard(): void {
  const create = document.createElement.bind(document);
  Object.defineProperty(document, 'createElement', {
    configurable: true,
    writable: true,
    // Even an empty <style> is reported as a breach, so an element that shows nothing takes its place.
    value: (tag: string, options?: ElementCreationOptions) =>
      tag.toLowerCase() === 'style' ? adoptText(create('template')) : create(tag, options),
  });

  const setAttribute = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name === 'style' && (this instanceof HTMLElement || this instanceof SVGElement)) this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
}

/** `textContent` of this one element writes a sheet that the document has adopted, and `remove` takes it away. */
function adoptText(element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  let text = '';
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, 'textContent', {
    get: () => text,
    set(value: string) {
      text = value;
      sheet.replaceSync(value);
    },
  });
  const remove = element.remove.bind(element);
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    remove();
  };
  return element;
}
