// Processors are told apart where their names are the same.
import Base
import Testing

@Suite struct ProcessorTypeTests {
  @Test func typesAreReadFromTheSystem() {
    let cases = [
      (
        "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel\t\t: 9\n",
        "AMD EPYC (family 25, model 17)"
      ),
      ("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n", "implementer 0x41 (part 0xd40)"),
      ("model name\t: A: B\n", "A: B"), ("", ""), ("\n\n:\n::\n", ""),
    ]
    for (text, words) in cases { #expect(ProcessorType(processorInfo: text).words == words) }
    #expect(cases.count == 5)
  }
}
