// Recipes that would take the YAML reader for ever, or nest too deep for it.
import Base
import Foundation
import Recipes
import Testing
import TimeLimits
import Training

@Suite struct HostileRecipeTests {
  private func refusal(_ yaml: String) throws -> String {
    let path = NSTemporaryDirectory() + "/swiftdp-recipe-" + UUID().uuidString
    try yaml.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    do {
      _ = try Recipe(file: path, assignments: [])
      return ""
    } catch {
      return "\(error)".replacingOccurrences(of: path, with: "r")
    }
  }

  /// Nine levels of nine aliases stand for a billion values, as values and as a key.
  private func bomb(levels: Int, of width: Int, asKey: Bool) -> String {
    var yaml = "l0: &l0 [x]\n"
    for level in 1...levels {
      let inner = Array(repeating: "*l\(level - 1)", count: width).joined(separator: ",")
      yaml += "l\(level): &l\(level) [\(inner)]\n"
    }
    return yaml + (asKey ? "? *l\(levels)\n: 1\n" : "")
  }

  @Test(arguments: [false, true])
  func aBillionLaughsAreRefused(_ asKey: Bool) throws {
    let refused = try within(seconds: 60) { try refusal(bomb(levels: 9, of: 9, asKey: asKey)) }
    #expect(refused == "r: has more than 24 aliases")
  }

  @Test func fewAliasesCannotStandForMany() throws {
    let key = try within(seconds: 60) { try refusal(bomb(levels: 7, of: 3, asKey: true)) }
    #expect(key == "r: has a key that is no text")
    let value = try within(seconds: 60) { try refusal(bomb(levels: 12, of: 2, asKey: false)) }
    #expect(value.contains("is not a key of swiftdp"))
  }

  @Test func patternsAreNoAliases() throws {
    let yaml = "model: \"\(String(repeating: "a*b ", count: 100))\"\n"
    #expect(!(try refusal(yaml)).contains("aliases"))
  }

  @Test(arguments: ["[", "{a: ", "- ", "? "])
  func deepNestingIsRefused(_ opening: String) throws {
    #expect(try refusal(String(repeating: opening, count: 20_000)).hasPrefix("r: is not YAML: "))
  }
}
