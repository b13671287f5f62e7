// FNV-1a against the test vectors that its authors publish.
import Base
import Testing

@Suite struct FNV1aTests {
  /// From test_fnv.c of the authors' reference implementation.
  @Test(arguments: [
    ("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("b", "af63df4c8601f1a5"),
    ("fo", "08985907b541d342"), ("foo", "dcb27518fed9d577"), ("foob", "dd120e790c2512af"),
    ("fooba", "cac165afa2fef40a"), ("foobar", "85944171f73967e8"),
  ])
  func publishedVectors(_ text: String, digits: String) {
    #expect(FNV1a(text.utf8).digits == digits)
    #expect(FNV1a(text.utf8).value == UInt64(digits, radix: 16))
  }

  @Test func wholeNumbersAreOneStep() {
    var hash = FNV1a()
    for letter in "foobar".utf8 { hash.mix(UInt64(letter)) }
    #expect(hash.digits == "85944171f73967e8")
    var number = FNV1a()
    number.mix(0x6F_6F66)
    #expect(number.value != FNV1a("foo".utf8).value)
  }
}
