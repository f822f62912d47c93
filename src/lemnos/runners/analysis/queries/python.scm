; What is counted and looked at in Python. Names are explained in structure.py.
(function_definition) @function
(class_definition) @class
(lambda) @nest
[
  (if_statement) (for_statement) (while_statement) (except_clause)
  (conditional_expression) (match_statement)
] @branch
[(elif_clause) (else_clause)] @else
(boolean_operator) @logic
[(with_statement) (try_statement)] @block
[(return_statement) (yield)] @exit
[(break_statement) (continue_statement)] @loop_exit
[(import_statement) (import_from_statement)] @import
(attribute object: (identifier) @owner attribute: (identifier) @member)
(attribute object: (attribute object: (attribute))) @chain
(assignment left: (identifier) @assigned right: (_) @value)
