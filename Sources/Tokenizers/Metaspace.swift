// Metaspace: spaces become a visible character (▁), one is put in front, and words start at it.
import Base

struct MetaspaceSettings: Sendable {
  enum Prepend: String, Sendable { case first, never, always }
  /// The UTF-8 of the visible character.
  var replacement: [UInt8]
  var prepend: Prepend
  var splits: Bool

  init(_ part: FilePart) throws {
    replacement = try part.required("replacement").character()
    prepend = .always
    if let scheme = part.part("prepend_scheme") {
      let name = try scheme.text()
      guard let value = Prepend(rawValue: name) else { throw scheme.unsupported("prepend scheme", name) }
      prepend = value
    }
    // Files from before `prepend_scheme` have this instead.
    if try !part.bool("add_prefix_space", default: true) {
      guard part.part("prepend_scheme") == nil || prepend == .never else {
        throw part.error("add_prefix_space and prepend_scheme contradict each other")
      }
      prepend = .never
    }
    splits = try part.bool("split", default: true)
  }
}

struct Metaspace: PreTokenizer {
  let settings: MetaspaceSettings

  init(_ settings: MetaspaceSettings) { self.settings = settings }

  /// A word may be one byte long, and gets one replacement in front.
  var growth: Int { settings.replacement.count + 1 }

  func apply(to words: inout Words) {
    let replacement = settings.replacement
    let first = replacement[0]  // never empty: it is one character
    let splits = settings.splits
    words.rewriteIntoWords { text, word, isFirst, out, words in
      func isMarked(_ at: Int) -> Bool {
        text[at] == first && at + replacement.count <= word.end
          && UnsafeBufferPointer(start: text + at, count: replacement.count).elementsEqual(replacement)
      }
      var start = out.bytes.count
      if text[word.start] != 0x20, !isMarked(word.start),
        settings.prepend == .always || (settings.prepend == .first && isFirst)
      {
        out.append(contentsOf: replacement, from: word.start)
      }
      var done = word.start
      var at = word.start
      while at < word.end {
        guard text[at] == 0x20 || (text[at] == first && splits && isMarked(at)) else {
          at += 1
          continue
        }
        // A word ends before every marker.
        out.copy(text, done..<at)
        if splits, out.bytes.count > start {
          words.append(Words.Word(start: start, end: out.bytes.count))
          start = out.bytes.count
        }
        if text[at] == 0x20 {
          out.append(contentsOf: replacement, from: at)
          at += 1
        } else {
          out.copy(text, at..<(at + replacement.count))
          at += replacement.count
        }
        done = at
      }
      out.copy(text, done..<word.end)
      if out.bytes.count > start { words.append(Words.Word(start: start, end: out.bytes.count)) }
    }
  }
}
