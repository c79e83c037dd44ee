package control

import "reflect"

// Alike reports whether two pieces of a syntax tree, a service or a setting, are written alike, wherever they stand.
func Alike[T any](a, b T) bool { return alike(reflect.ValueOf(&a), reflect.ValueOf(&b)) }

var position = reflect.TypeFor[Position]()

// alike is reflect.DeepEqual on syntax trees, blind to positions.
func alike(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() || (a.IsValid() && a.Type() != b.Type()) {
		return false
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return alike(a.Elem(), b.Elem())
	case reflect.Struct:
		if a.Type() == position {
			return true
		}
		for i := range a.NumField() {
			if !alike(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map: // of plain values
		return reflect.DeepEqual(a.Interface(), b.Interface())
	default:
		return a.Equal(b)
	}
}
