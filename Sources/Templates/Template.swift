// A Jinja template, read once and rendered many times.
import Base

/// What a template rendered.
package struct RenderedText: Equatable, Sendable {
  /// UTF-8.
  package var text: [UInt8]
  /// The byte ranges of `text` that stood inside `{% generation %}` blocks, in the order of rendering.
  package var generated: [Range<Int>]

  package init(text: [UInt8], generated: [Range<Int>]) {
    self.text = text
    self.generated = generated
  }
}

/// May be used from several threads at once: rendering changes nothing in it.
package struct Template: @unchecked Sendable {
  private let program: Program
  private let style: TemplateStyle
  package let source: [UInt8]

  /// - Throws: where the source is no template, uses what is not built in, or is nested too deeply.
  package init(_ source: [UInt8], style: TemplateStyle = .chat) throws(TemplateError) {
    program = try Compiler.compile(source, style)
    self.source = source
    self.style = style
  }

  package init(_ source: String, style: TemplateStyle = .chat) throws(TemplateError) {
    try self.init(Array(source.utf8), style: style)
  }

  /// Whether there is a `{% generation %}` block.
  package var marksGeneration: Bool { program.marksGeneration }

  /// - Parameters:
  ///   - variables: later ones of a name win.
  ///   - time: what `strftime_now` shows, in seconds since 1970; nil for now.
  /// - Throws: what the template raises, also with `raise_exception`, and where it takes more steps or makes more text than
  ///   any chat needs.
  package func render(_ variables: [JSON.Member], at time: Int? = nil) throws(TemplateError) -> RenderedText {
    var line = 0
    do {
      let rendering = try Rendering(names: program.names, variables: variables, time: time, style: style)
      defer { line = rendering.line }
      let frame = Frame(count: program.slots, parent: nil)
      rendering.cyclic.append(frame)
      program.entry.run(frame, rendering)
      _ = try program.body.run(frame, rendering)
      return RenderedText(text: rendering.output, generated: rendering.generatedRanges)
    } catch let error as PythonError {
      throw TemplateError(error.message, line: line)
    } catch let error as RaisedException {
      throw TemplateError(error.message, line: line)
    } catch {
      throw TemplateError("\(error)", line: line)
    }
  }
}

extension Rendering {
  /// The marked parts as byte ranges. transformers counts characters, and may count past the end.
  fileprivate var generatedRanges: [Range<Int>] {
    generated.map { part in
      var end = part.start
      for _ in 0..<part.characters where end < output.count { end += PythonText.length(output[end]) }
      return part.start..<end
    }
  }
}
