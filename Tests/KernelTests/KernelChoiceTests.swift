// Which kernels are taken by times that are given, and what is remembered of it.
import Base
import Foundation
import Kernels
import Testing

@Suite struct KernelChoiceTests {
  private typealias Time = KernelChoice.Time

  @Test func anotherCandidateMustBeFivePercentFaster() {
    func name(_ seconds: Double) -> String {
      KernelChoice(usual: "SkylakeX", times: [Time("SkylakeX", 1), Time("Haswell", seconds)]).name
    }
    #expect(name(0.5) == "Haswell" && name(0.94) == "Haswell")
    #expect(name(0.96) == "SkylakeX" && name(1) == "SkylakeX" && name(2) == "SkylakeX")
    #expect(name(.nan) == "SkylakeX" && name(0) == "SkylakeX" && name(-1) == "SkylakeX")
  }

  @Test func theFirstOfEqualsIsTaken() {
    let times = [Time("SkylakeX", 1), Time("Haswell", 0.5), Time("Zen", 0.5)]
    #expect(KernelChoice(usual: "SkylakeX", times: times).name == "Haswell")
  }

  @Test func theUsualOneStaysWithoutATimeOfItsOwn() {
    let choice = KernelChoice(
      usual: "SkylakeX", times: [Time("Haswell", 0.1)], leftOut: ["SkylakeX (crashed)"])
    #expect(choice.name == "SkylakeX" && !choice.isMeasured)
    #expect(choice.words.hasSuffix("left out: SkylakeX (crashed)"))
  }

  @Test func theUsualOneStaysWhereTimesAreNotReliedOn() {
    let choice = KernelChoice(
      usual: "SkylakeX", times: [Time("SkylakeX", 1), Time("Haswell", 0.5)], leftOut: ["BLIS (it crashed)"],
      isSure: false)
    #expect(choice.name == "SkylakeX" && !choice.isMeasured && choice.times.count == 2)
    #expect(
      choice.words
        == "SkylakeX (Haswell 500.00 ms, SkylakeX 1000.00 ms), as the machine was too busy to tell; left out: "
        + "BLIS (it crashed)")
  }

  @Test func ranksTakeWhatAllCanUse() {
    let wide = ["SkylakeX", "Haswell", "Zen"]
    let medium = ["auto", "Haswell", "Zen"]
    #expect(
      KernelCandidates.common(families: [wide, wide], others: [["oneDNN"], []], processors: ["a", "a"])
        == wide)
    // One host does not look for libraries, and several that have the same ones have the same question.
    for others in [[["oneDNN"], ["oneDNN"]], [["oneDNN", "BLIS"]], [[], []]] {
      #expect(
        KernelCandidates.common(
          families: others.map { _ in wide }, others: others, processors: others.map { _ in "a" },
          known: ["oneDNN", "BLIS"]) == wide + ["oneDNN", "BLIS"])
    }
    #expect(
      KernelCandidates.common(
        families: [wide, wide], others: [["oneDNN", "BLIS"], ["oneDNN"]], processors: ["a", "a"])
        == wide + ["oneDNN"])
    #expect(
      KernelCandidates.common(
        families: [wide, medium], others: [["oneDNN"], ["oneDNN"]], processors: ["a", "b"])
        == ["Haswell", "Zen"])
  }

  @Test func aChoiceIsRememberedAndABrokenFileIsNot() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/kernels-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let memory = KernelMemory(folder: folder)
    let choice = KernelChoice(usual: "SkylakeX", times: [Time("SkylakeX", 1), Time("Haswell", 0.5)])
    #expect(memory.choice("key", among: ["Haswell"]) == nil && memory.flaw == nil)
    #expect(memory.keep(choice, for: "key") == nil)
    #expect(memory.choice("key", among: ["Haswell"]) == choice)
    #expect(memory.choice("other", among: ["Haswell"]) == nil)
    #expect(memory.choice("key", among: ["Zen"]) == nil)
    let file = folder + "/swiftdp/kernels.json"
    for text in ["", "{", "[]", #"{"format": 2, "entries": []}"#] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      #expect(memory.choice("key", among: ["Haswell"]) == nil)
      #expect(memory.flaw != nil)
    }
    #expect(memory.keep(choice, for: "key") == nil)
    #expect(memory.choice("key", among: ["Haswell"]) == choice && memory.flaw == nil)
    #expect(KernelMemory(folder: "/proc/none").keep(choice, for: "key") != nil)
  }
}
