// One file, chosen, dropped or pasted, sent to the kernel in parts; and what the kernel says of it.
//
// The file goes by messages, not as a trait: what a trait holds is saved with the notebook. In parts, because a
// notebook's connection takes no message of more than ten megabytes.

const PART = 1 << 20;

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = `mc-picker-${name}`;
  if (text) made.textContent = text;
  return made;
}

async function send(model, file, progress) {
  const id = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
  const parts = Math.max(1, Math.ceil(file.size / PART));
  for (let part = 0; part < parts; part++) {
    const bytes = await file.slice(part * PART, (part + 1) * PART).arrayBuffer();
    model.send({ kind: "part", id, part, parts, name: file.name || "pasted" }, undefined, [bytes]);
    progress((part + 1) / parts);
  }
}

function imageIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0];
}

function render({ model, el }) {
  const zone = element("div", "zone");
  zone.tabIndex = 0;
  zone.setAttribute("role", "button");
  zone.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys: while this has the focus, x cuts no cell
  const input = element("input");
  input.type = "file";
  input.accept = "image/*";
  input.hidden = true;
  input.tabIndex = -1;
  const picture = element("img", "picture");
  const words = element("span", "words");
  const clear = element("button", "clear", "×");
  clear.type = "button";
  clear.title = "clear";
  clear.setAttribute("aria-label", `clear ${model.get("label")}`);
  const note = element("div", "note");
  note.setAttribute("role", "status");
  zone.append(picture, words, clear);
  el.classList.add("mc-picker");
  el.append(zone, input, note);
  let thumbnail = null; // an address of the picture that is shown, to be freed
  let mine = ""; // what went wrong here, before the kernel had anything to say

  function show() {
    const [name, facts] = [model.get("name"), model.get("facts")];
    const bytes = model.get("thumbnail");
    if (thumbnail) URL.revokeObjectURL(thumbnail);
    thumbnail = bytes?.byteLength ? URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })) : null;
    picture.hidden = !thumbnail;
    if (thumbnail) picture.src = thumbnail;
    else picture.removeAttribute("src");
    picture.alt = thumbnail ? `${model.get("label")}: ${name}` : "";
    words.replaceChildren();
    if (name) words.append(element("span", "name", name), element("span", "facts", facts));
    else words.append(element("span", "facts", "choose, drop or paste an image"));
    clear.hidden = !name;
    note.textContent = mine || model.get("note");
    zone.classList.toggle("mc-picker-full", Boolean(name));
    zone.setAttribute("aria-label", name ? `${model.get("label")}: ${name}, ${facts}` : `${model.get("label")}: choose an image`);
  }

  function take(file) {
    mine = "";
    if (!file) return;
    const most = model.get("max_bytes");
    if (file.size > most) {
      mine = `${file.name}: ${(file.size / 1e6).toFixed(1)} MB, and at most ${(most / 1e6).toFixed(0)} MB are taken here: give its path instead`;
      show();
      return;
    }
    send(model, file, (share) => {
      note.textContent = share < 1 ? `sending ${Math.round(share * 100)} %` : "";
    }).catch((error) => {
      mine = `${file.name} cannot be read: ${error.message}`;
      show();
    });
  }

  const on = {
    click: (event) => {
      if (event.target === clear) return;
      zone.focus();
      input.click();
    },
    keydown: (event) => {
      if (event.target !== zone) return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        input.click();
      } else if (event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        model.send({ kind: "clear" });
      }
      event.stopPropagation(); // and other notebooks' keys
    },
    paste: (event) => {
      const file = imageIn(event.clipboardData);
      event.preventDefault();
      event.stopPropagation();
      if (!file) {
        mine = "there is no image on the clipboard";
        show();
      } else take(file);
    },
    dragover: (event) => {
      event.preventDefault();
      event.stopPropagation();
      zone.classList.add("mc-picker-over");
    },
    dragleave: () => zone.classList.remove("mc-picker-over"),
    drop: (event) => {
      event.preventDefault();
      event.stopPropagation();
      zone.classList.remove("mc-picker-over");
      take(imageIn(event.dataTransfer));
    },
  };
  for (const [name, handler] of Object.entries(on)) zone.addEventListener(name, handler);
  input.addEventListener("change", () => {
    take(input.files[0]);
    input.value = ""; // the same file again is a change again
  });
  clear.addEventListener("click", () => {
    mine = "";
    model.send({ kind: "clear" });
    zone.focus();
  });
  const heard = () => {
    mine = "";
    show();
  };
  const traits = ["thumbnail", "name", "facts", "note"].map((trait) => `change:${trait}`).join(" ");
  model.on(traits, heard);
  show();
  return () => {
    model.off(traits, heard);
    if (thumbnail) URL.revokeObjectURL(thumbnail);
  };
}

export default { render };
