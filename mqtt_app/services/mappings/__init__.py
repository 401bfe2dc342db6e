"""How families are read that no built-in parser knows: mappings made by people."""
