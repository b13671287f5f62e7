import Base
import Datasets
import Testing

/// Flat storage with its bit mask, against the same data stored another way; and files cut anywhere.
@Suite struct StorageTests {
  /// Rows of up to 200 tokens, so that masks cross the borders of their words.
  @Test(arguments: [false, true]) func heldOutSequencesKeepTheirTokensTargetsAndLines(_ answers: Bool) throws
  {
    let folder = try Folder()
    var random = PhiloxStream(seed: 9, stream: 0)
    func text() -> String {
      String((0..<random.below(100)).map { _ in "abcdefgh".randomElement(using: &random)! })
    }
    let lines = (0..<60).map { _ in
      answers ? "{\"prompt\": \"p\(text())\", \"completion\": \"\(text())\"}" : "{\"text\": \"t\(text())\"}"
    }
    let file = try folder.write("a.jsonl", lines.joined(separator: "\n"))
    let whole = try Dataset(.of([file], length: 150), encoder: .bytes())
    let split = try Dataset(.of([file], validation: .share(0.3), length: 150), encoder: .bytes())
    let held = try #require(split.validation)
    #expect(whole.train.count == 60 && held.count == 18 && split.train.count == 42)
    var lineOf: [String: Int] = [:]
    for sequence in 0..<60 { lineOf[whole.train.sources(of: sequence)[0]] = sequence }
    var checked = 0
    for part in [split.train, held] {
      for sequence in 0..<part.count {
        let same = try #require(lineOf[part.sources(of: sequence)[0]])
        let (one, other) = (part.batch(of: [sequence]), whole.train.batch(of: [same]))
        #expect(one.tokens == other.tokens && one.targets == other.targets)
        #expect(part.targetCount(of: [sequence]) == other.targetCount)
        checked += 1
      }
    }
    #expect(checked == 60)
    #expect(split.train.targetCount + held.targetCount == whole.train.targetCount)
  }

  /// A file cut short or with one byte changed gives sequences or an error, and never ends the program.
  @Test func damagedFilesGiveAnErrorOrData() throws {
    let folder = try Folder()
    let row = "{\"prompt\": \"a\\n\u{e9}\\\\\", \"completion\": \"[{b\\\"}]\", \"n\": [1, {}]}"
    var (loaded, refused) = (0, 0)
    for (name, text) in [
      ("a.json", "[\n\(row),\n\(row)]"), ("a.jsonl", "\(row)\r\n\n\(row)"), ("a.txt", "a\u{e9}b"),
    ] {
      let bytes = Array(text.utf8)
      var damaged = (0..<bytes.count).map { Array(bytes[..<$0]) }
      for index in bytes.indices {
        for byte in [0, 0x0A, 0x22, 0x5B, 0x5C, 0x5D, 0x7D, 0xFF] as [UInt8] {
          var changed = bytes
          changed[index] = byte
          damaged.append(changed)
        }
      }
      for bytes in damaged {
        let file = try folder.write(name, bytes)
        do {
          _ = try Dataset(.of([file], packing: name != "a.txt", length: 16), encoder: .bytes())
          loaded += 1
        } catch is UserErrors {
          refused += 1
        }
      }
    }
    #expect(loaded > 100 && refused > 1000)
  }
}
