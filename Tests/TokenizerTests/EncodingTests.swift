// Cases that the golden values do not cover: broken UTF-8, long words, several threads.
import Base
import Foundation
import Testing
import Tokenizers

@Suite struct EncodingTests {
  /// The replacements are those of Python's `bytes.decode("utf-8", errors="replace")`.
  @Test func brokenUTF8IsReplaced() throws {
    let (tokenizer, _) = try TokenizerFixtures.synthetic("llama3")
    let cases: [(bytes: [UInt8], text: String)] = [
      ([0x61, 0xFF, 0x62], "a\u{fffd}b"), ([0xC3], "\u{fffd}"), ([0xC3, 0x28], "\u{fffd}("),
      ([0xE2, 0x82], "\u{fffd}"), ([0xE2, 0x82, 0x41], "\u{fffd}A"),
      ([0xED, 0xA0, 0x80], "\u{fffd}\u{fffd}\u{fffd}"), ([0xF0, 0x9F, 0x98], "\u{fffd}"),
      ([0xF4, 0x90, 0x80, 0x80], "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"), ([0xC0, 0x80], "\u{fffd}\u{fffd}"),
      ([0xE0, 0x80, 0x80], "\u{fffd}\u{fffd}\u{fffd}"), ([0x80], "\u{fffd}"),
      ([0xF0, 0x9F, 0x98, 0x80, 0xF0], "\u{1f600}\u{fffd}"),
    ]
    for (bytes, text) in cases {
      #expect(
        tokenizer.encode(bytes, addSpecialTokens: false) == tokenizer.encode(text, addSpecialTokens: false),
        "\(bytes)")
    }
    #expect(cases.count == 12)
  }

  /// A queue merges long words, a plain loop short ones: both must agree where a word may be cut.
  @Test func longWordsMergeAsShortOnes() throws {
    let (tokenizer, _) = try TokenizerFixtures.synthetic("llama2-crossing")
    let word = "the weather and the other thing "
    for count in [1, 2, 3, 10, 100, 1000] {
      let text = String(repeating: word, count: count)
      let ids = tokenizer.encode(text, addSpecialTokens: false)
      #expect(tokenizer.decode(ids, skipSpecialTokens: false) == text)
    }
    let (bytes, _) = try TokenizerFixtures.synthetic("gpt2-split")
    let letters = String(repeating: "theand", count: 40)
    let once = bytes.encode("theand", addSpecialTokens: false)
    let joined = bytes.encode(letters, addSpecialTokens: false)
    #expect(bytes.decode(joined, skipSpecialTokens: false) == letters)
    #expect(joined.count <= once.count * 40)
  }

  /// A megabyte as one word takes far less than a second in a release build.
  @Test func aMegabyteOfOneWordIsNotQuadratic() throws {
    let (tokenizer, _) = try TokenizerFixtures.synthetic("gpt2-split")
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
    let start = ContinuousClock.now
    let ids = tokenizer.encode(text, addSpecialTokens: false)
    #expect(start.duration(to: .now) < .seconds(20))
    #expect(tokenizer.decode(ids, skipSpecialTokens: false).utf8.count == text.count)
  }

  @Test func threadsDoNotDisturbEachOther() throws {
    let (tokenizer, _) = try TokenizerFixtures.synthetic("llama2")
    let texts = try TokenizerFixtures.texts()
    let expected = texts.map { tokenizer.encode($0, addSpecialTokens: true) }
    let wrong = Counter()
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      for _ in 0..<20 {
        for (text, ids) in zip(texts, expected) where tokenizer.encode(text, addSpecialTokens: true) != ids {
          wrong.add()
        }
      }
    }
    #expect(wrong.value == 0)
  }

  /// A character made of several pieces appears once it is whole, and not before.
  @Test func streamsGiveWholeCharacters() throws {
    let (tokenizer, _) = try TokenizerFixtures.synthetic("gpt2-split")
    let ids = tokenizer.encode("a\u{1f600}b", addSpecialTokens: false)
    var stream = StreamingDecoder(tokenizer, skipSpecialTokens: true)
    let parts = ids.map { stream.append($0) }
    #expect(parts == ["a", "", "", "", "\u{1f600}", "b"])
    #expect(stream.finish() == "")
  }
}

private final class Counter: @unchecked Sendable {  // guarded by its lock
  private let lock = NSLock()
  private var count = 0
  func add() { lock.withLock { count += 1 } }
  var value: Int { lock.withLock { count } }
}
