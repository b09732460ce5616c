hidden = true
return {shown = true}
