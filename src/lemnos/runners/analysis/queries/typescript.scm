(abstract_class_declaration) @class
(import_require_clause source: (string) @import)
