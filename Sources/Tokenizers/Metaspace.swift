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
    words.rewriteEach { word, isFirst, out in
      let marked = word.first == 0x20 || word.starts(with: replacement)
      if !marked, settings.prepend == .always || (settings.prepend == .first && isFirst) {
        out.append(contentsOf: replacement)
      }
      for byte in word {
        if byte == 0x20 { out.append(contentsOf: replacement) } else { out.append(byte) }
      }
    }
    guard settings.splits else { return }
    LiteralSplit(pattern: replacement, behavior: .mergedWithNext, inverted: false).apply(to: &words)
  }
}
