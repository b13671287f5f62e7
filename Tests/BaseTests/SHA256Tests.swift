// SHA-256 against published vectors, whole and in parts.
import Base
import Digests
import Testing

@Suite struct SHA256Tests {
  /// FIPS 180-4's examples, and the empty message.
  private static let vectors: [(text: String, digits: String)] = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ]

  @Test(arguments: vectors) func publishedVectors(_ text: String, _ digits: String) {
    #expect(hexadecimal(SHA256.hash(Array(text.utf8))) == digits)
    var parts = SHA256()
    var left = Substring(text)
    // Parts of 0, 1, 2, … bytes.
    var count = 0
    while !left.isEmpty {
      parts.update(String(left.prefix(count)))
      left = left.dropFirst(count)
      count += 1
    }
    #expect(hexadecimal(parts.finalize()) == digits)
  }
}
