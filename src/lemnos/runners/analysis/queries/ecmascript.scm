; JavaScript and TypeScript alike; what only one of them has is in a file of its own.
[
  (function_declaration) (generator_function_declaration) (function_expression)
  (generator_function) (arrow_function) (method_definition)
] @function
[(class_declaration) (class)] @class
[
  (if_statement) (for_statement) (for_in_statement) (while_statement) (do_statement)
  (switch_statement) (catch_clause) (ternary_expression)
] @branch
"else" @else
(binary_expression operator: ["&&" "||" "??"]) @logic
(try_statement) @block
[(return_statement) (yield_expression) (await_expression)] @exit
[(break_statement) (continue_statement)] @loop_exit
(break_statement label: (_)) @jump
(continue_statement label: (_)) @jump
(import_statement source: (string) @import)
(export_statement source: (string) @import)
(call_expression
  function: (identifier) @_called
  arguments: (arguments . (string) @import)
  (#eq? @_called "require"))
(call_expression function: (import) arguments: (arguments . (string) @import))
(member_expression object: [(identifier) (this)] @owner property: (property_identifier) @member)
(member_expression object: (member_expression object: (member_expression))) @chain
(variable_declarator name: (identifier) @assigned value: (_) @value)
