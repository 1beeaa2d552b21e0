"""Governed reads in processes of their own: what they are asked, how they answer, and who may have one when."""
