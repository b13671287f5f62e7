// Replaces runs of white space: the regular expressions that the normalizers of real files have.

struct SpaceRuns: Normalizer {
  enum Runs { case twoSpaces, twoOrLineEnds, any }

  let runs: Runs
  let content: [UInt8]
  var growth: Int { Self.growth(1, content.count) }

  init(_ pattern: String, _ part: FilePart, content: [UInt8]) throws {
    switch pattern {
    case " {2,}": runs = .twoSpaces
    case #"\s{2,}|[\n\r\t]"#: runs = .twoOrLineEnds
    case #"\s+"#: runs = .any
    default: throw part.unsupported("normalizer", "Replace with the regular expression \(pattern)")
    }
    self.content = content
  }

  func normalize(_ text: inout TracedText) {
    CharacterClasses.shared.withReader { classes in
      text.rewrite { text, out in
        guard let base = text.baseAddress else { return }
        var done = 0
        var at = 0
        while at < text.count {
          let start = at
          let (kind, length) = classes.scalar(base, at)
          at += length
          guard isPart(base[start], kind) else { continue }
          var last = start
          while at < text.count {
            let (kind, length) = classes.scalar(base, at)
            guard isPart(base[at], kind) else { break }
            last = at
            at += length
          }
          guard last > start || isEnough(base[start]) else { continue }
          out.copy(base, done..<start)
          out.append(contentsOf: content, from: last)
          done = at
        }
        out.copy(base, done..<text.count)
      }
    }
  }

  @inline(__always)
  private func isPart(_ byte: UInt8, _ kind: UInt8) -> Bool {
    runs == .twoSpaces ? byte == 0x20 : kind & CharacterClasses.space != 0
  }

  /// Whether a run of this one character is replaced.
  private func isEnough(_ byte: UInt8) -> Bool {
    switch runs {
    case .twoSpaces: false
    case .twoOrLineEnds: byte == 0x0A || byte == 0x0D || byte == 0x09
    case .any: true
    }
  }
}
