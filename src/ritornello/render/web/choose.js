// Tunes side by side: a click keeps one; those kept are saved together, as one ZIP of stored files made here.
(() => {
  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    let value = n;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    return value;
  });
  const crc32 = (bytes) => {
    let value = 0xffffffff;
    for (const byte of bytes) value = table[(value ^ byte) & 255] ^ (value >>> 8);
    return (value ^ 0xffffffff) >>> 0;
  };

  // Local headers with the contents, then the directory (APPNOTE.TXT of PKWARE, 4.3); method 0, names in UTF-8.
  const zipped = (files) => {
    const [parts, directory] = [[], []];
    let offset = 0;
    for (const [name, bytes] of files) {
      const path = new TextEncoder().encode(name);
      const common = new DataView(new ArrayBuffer(26));
      [20, 0x800, 0, 0, 33].forEach((value, n) => common.setUint16(2 * n, value, true));
      [crc32(bytes), bytes.length, bytes.length].forEach((value, n) => common.setUint32(10 + 4 * n, value, true));
      common.setUint16(22, path.length, true);
      const central = new DataView(new ArrayBuffer(14));
      central.setUint32(10, offset, true);
      parts.push(Uint8Array.of(80, 75, 3, 4), new Uint8Array(common.buffer), path, bytes);
      directory.push(Uint8Array.of(80, 75, 1, 2, 20, 0), new Uint8Array(common.buffer), new Uint8Array(central.buffer), path);
      offset += 30 + path.length + bytes.length;
    }
    const end = new DataView(new ArrayBuffer(22));
    end.setUint32(0, 0x06054b50, true);
    end.setUint16(8, files.length, true);
    end.setUint16(10, files.length, true);
    end.setUint32(12, directory.reduce((sum, part) => sum + part.length, 0), true);
    end.setUint32(16, offset, true);
    return new Blob([...parts, ...directory, end.buffer], { type: "application/zip" });
  };

  const drafts = [...document.querySelectorAll(".draft")];
  const [save, calls] = [document.querySelector("#save-kept"), document.querySelector("#kept-calls")];
  const kept = () => drafts.filter((draft) => draft.classList.contains("kept"));
  const contents = (link) => Uint8Array.from(atob(link.href.split(",")[1]), (letter) => letter.charCodeAt(0));

  const show = () => {
    const numbers = kept().map((draft) => draft.dataset.number);
    save.disabled = !numbers.length;
    save.textContent = numbers.length === 1 ? "Save the tune kept" : `Save the ${numbers.length} tunes kept`;
    calls.textContent = numbers.length ? `--keep ${numbers.join(",")}    tunes.keep(${numbers.join(", ")})` : "--keep none    tunes.keep()";
  };
  for (const draft of drafts) {
    const button = draft.querySelector(".keep");
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(draft.classList.toggle("kept")));
      button.textContent = draft.classList.contains("kept") ? "Kept" : "Keep";
      show();
    });
  }
  save.addEventListener("click", () => {
    const files = kept().flatMap((draft) => [...draft.querySelectorAll(".files a[href^='data:']")].map((link) => {
      const suffix = link.download.slice(link.download.lastIndexOf("."));
      return [draft.dataset.name + suffix, contents(link)];
    }));
    const link = document.createElement("a");
    link.download = "kept.zip";
    link.href = URL.createObjectURL(zipped(files));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  show();
})();
