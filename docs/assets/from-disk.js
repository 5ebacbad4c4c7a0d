// Opened from the disk, without a server, a link to a folder shows its files: lead to its page instead.
if (location.protocol === "file:")
  for (const link of document.links)
    if (link.protocol === "file:" && link.pathname.endsWith("/")) link.pathname += "index.html";
